"""Which names a repo, a file in it, a branch or a tag may have.

The Hub's rules for repo names (as `huggingface_hub.utils.validate_repo_id` states
them) and git's for refs (git-check-ref-format). File paths never become paths on
this machine's disk, and are checked all the same: whoever downloads them makes
paths of them.
"""

from __future__ import annotations

import re

from bot.hub.answers import Refused

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?")
_USER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,40}[A-Za-z0-9])?")
_REF_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_COMMIT_ID = re.compile(r"[0-9a-f]{40}")

MAX_PATH_BYTES = 1024
MAX_SEGMENT_BYTES = 255


def is_user(name: str) -> bool:
    """True for a name a user or organization may have."""
    return _USER.fullmatch(name) is not None and _is_plain(name)


def is_repo_id(repo: str) -> bool:
    """True for `owner/name` under the Hub's rules."""
    owner, slash, name = repo.partition("/")
    return bool(slash) and is_user(owner) and _NAME.fullmatch(name) is not None and _is_plain(name)


def _is_plain(name: str) -> bool:
    return "--" not in name and ".." not in name and not name.endswith((".git", ".ipynb"))


def is_file_path(path: str) -> bool:
    """True for a relative path of plain segments: no `..`, no `.git`, no control characters."""
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return False
    if not encoded or len(encoded) > MAX_PATH_BYTES or "\\" in path:
        return False
    return all(_is_segment(segment) for segment in path.split("/"))


def _is_segment(segment: str) -> bool:
    if segment in ("", ".", "..") or segment.lower() == ".git":
        return False
    return len(segment.encode()) <= MAX_SEGMENT_BYTES and all(ord(c) >= 32 and ord(c) != 127 for c in segment)


def is_ref(name: str) -> bool:
    """True for a branch or tag name git would take; a name that looks like a commit id is none."""
    if not name or len(name) > 200 or name in ("@", "HEAD") or is_commit_id(name):
        return False
    if _REF_FORBIDDEN.search(name) or name.startswith(("/", "-")) or name.endswith(("/", ".")):
        return False
    return all(not p.startswith(".") and not p.endswith(".lock") for p in name.split("/"))


def is_commit_id(name: str) -> bool:
    """True for a full commit id: 40 lower-case hexadecimal digits."""
    return _COMMIT_ID.fullmatch(name) is not None


def check_repo_id(repo: str) -> str:
    """`repo` itself; Refused (400) when it is no `owner/name` the Hub would take."""
    if not is_repo_id(repo):
        raise Refused(400, f"{repo!r} is no repo id: use owner/name of letters, digits and . _ -")
    return repo


def check_path(path: str) -> str:
    """`path` itself; Refused (400) when it could leave the repo's folder or is no plain path."""
    if not is_file_path(path):
        raise Refused(400, f"{path!r} is no file path inside a repo: use plain names and /")
    return path


def check_ref(name: str) -> str:
    """`name` itself; Refused (400) when git would not take it as a branch or tag."""
    if not is_ref(name):
        raise Refused(400, f"Invalid reference name {name!r}")
    return name
