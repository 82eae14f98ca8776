"""Which names the Hub takes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import httpx2
import msgspec
import pytest
from git import Git, GitCommandError
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils._validators import validate_repo_id
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.hub import names
from bot.hub.history import Put, apply, regular_entry
from bot.hub.process import LoopbackHub

from .conftest import Account

AWKWARD = st.text(st.sampled_from("ab0./\\-_~^:?*[@{ \0\x7fé"), max_size=12)


@given(AWKWARD | st.text(max_size=30))
@example("a/../b")
@example("../../etc/passwd")
@example("/etc/passwd")
@example("a//b")
@example("a/.git/config")
@example("a\\..\\b")
@example("\ud800")
def test_no_accepted_path_leaves_its_folder(path: str) -> None:
    """A path the Hub takes lies under any folder it is joined to, and is written in one way only."""
    if names.is_file_path(path):
        assert not PurePosixPath(path).is_absolute()
        assert ".." not in PurePosixPath(path).parts
        assert str(PurePosixPath(path)) == path
        assert "\\" not in path


@settings(max_examples=60, deadline=None)
@given(AWKWARD.filter(lambda text: "\0" not in text))
def test_an_accepted_ref_is_one_git_takes(name: str) -> None:
    """A branch or tag name the Hub takes passes git's own check."""
    if names.is_ref(name):
        try:
            Git().check_ref_format(f"refs/heads/{name}")
        except GitCommandError as error:
            pytest.fail(f"git refuses {name!r}: {error}")


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("main", True), ("v1.0", True), ("staging/v2", True), ("refs", True), ("a" * 40, False), ("", False),
        ("a..b", False), ("-x", False), ("x.lock", False), ("a/.b", False), ("a b", False), ("@{", False),
        ("x/", False), ("HEAD", False),
    ],
)  # fmt: skip
def test_ref_names(name: str, taken: bool) -> None:
    """Slashes and dots are fine in a ref; what git refuses, or a commit id could be taken for, is not."""
    assert names.is_ref(name) is taken


@given(st.from_regex(r"[\w.-]{1,20}/[\w.-]{1,20}", fullmatch=True))
@example("a/b.git")
@example("a--b/c")
@example("a/..")
def test_an_accepted_repo_id_is_one_the_client_takes(repo: str) -> None:
    """A repo id the Hub takes is valid for the client, too."""
    if names.is_repo_id(repo):
        try:
            validate_repo_id(repo)
        except HFValidationError as error:
            pytest.fail(str(error))


@pytest.mark.parametrize("path", ["../up.txt", "/abs.txt", "a/../../b", ".git/config", "a//b", "", "a\0b"])
def test_a_commit_with_an_escaping_path_is_refused(hub: LoopbackHub, owner: Account, path: str) -> None:
    """A path that could leave the repo's folder is answered 400 whatever client sends it."""
    repo = owner.new_repo()
    lines = [
        {"key": "header", "value": {"summary": "x", "description": ""}},
        {"key": "file", "value": {"path": path, "content": "eA==", "encoding": "base64"}},
    ]
    answer = httpx2.post(
        f"{hub.endpoint}/api/models/{repo}/commit/main",
        content=msgspec.json.Encoder().encode_lines(lines),
        headers={"Authorization": "Bearer hf_ann", "Content-Type": "application/x-ndjson"},
    )
    assert answer.status_code == 400
    assert owner.api.list_repo_files(repo) == [".gitattributes"]


@pytest.mark.parametrize("repo", ["../x", "ann/..", "ann/a--b", "ann/.hidden", "ann/x.git", "ann/a b"])
def test_a_repo_name_that_escapes_is_refused(hub: LoopbackHub, repo: str) -> None:
    """Creating a repo under such a name is answered 400 or 403, and no folder is made."""
    owner, name = repo.split("/")
    answer = httpx2.post(
        f"{hub.endpoint}/api/repos/create",
        json={"name": name, "organization": owner},
        headers={"Authorization": "Bearer hf_ann"},
    )
    assert answer.status_code in (400, 403)
    assert not Path(hub.root / "models" / repo / "repo.json").exists()


def test_a_path_is_not_file_and_folder_at_once() -> None:
    """`a` and `a/b` cannot both be files of one commit."""
    entry = regular_entry(b"x", "0" * 64)
    with pytest.raises(Exception, match="file and a folder"):
        apply({}, [Put(path="a", entry=entry), Put(path="a/b", entry=entry)])
