"""`bot recipes from-fp8`: what an FP8 release on the Hub protects, read without downloading a weight."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bot.errors import UnsuitableBase
from bot.recipes.fp8.protected import Protected, protected
from bot.recipes.fp8.protecting import default_name, recipe_text, two_widths
from bot.recipes.headers import headers
from bot.records import BaseRevision, Recipe, Record

if TYPE_CHECKING:
    from bot.huggingface import HubDoor

LARGEST_CONFIG = 16 << 20
"""Bytes. Lists that name every expert of a large model make a config of some megabytes."""


class FromFp8(Record, frozen=True, kw_only=True):
    """A recipe read off an FP8 release at one commit: its name, the text of its file, what was found."""

    name: str
    text: str
    repo: str
    sha: str
    protected: Protected


def from_fp8(door: HubDoor, repo: str, like: Recipe, revision: str | None = None) -> FromFp8:
    """The recipe that keeps at `like`'s H what the FP8 release `repo` keeps as floats.

    Reads the repo's description, config.json, hf_quant_config.json and, by range requests, the headers
    of its weight files. Raises NotFound, NotAllowed, HubUnavailable; UnsuitableBase for a release that is
    not FP8, keeps nothing of interest or is corrupt; UsageError where `like` has no two widths.
    """
    two_widths(like)
    base = door.base_revision(repo, revision)
    config = _json(door, base, "config.json")
    if config is None:
        raise UnsuitableBase(f"{base.repo} has no config.json: it is no model's release")
    hf_quant = _json(door, base, "hf_quant_config.json")
    tensors = headers(door, base)
    try:
        found = protected(config, hf_quant, tensors)
    except UnsuitableBase as error:
        raise UnsuitableBase(f"{base.repo} {error}") from None
    text = recipe_text(like, found, f"{base.repo}@{base.sha}")
    return FromFp8(name=default_name(like), text=text, repo=base.repo, sha=base.sha, protected=found)


def _json(door: HubDoor, base: BaseRevision, path: str) -> dict[str, Any] | None:
    """A small JSON object of the repo, or None where there is no such file."""
    size = next((file.size for file in base.files if file.path == path), None)
    if size is None:
        return None
    if size > LARGEST_CONFIG:
        raise UnsuitableBase(f"{base.repo}: {path} has {size} bytes, more than any real one")
    try:
        decoded = json.loads(door.read(base.repo, path, base.sha) or b"")
    except (ValueError, RecursionError):
        raise UnsuitableBase(f"{base.repo}: {path} is no valid JSON") from None
    if not isinstance(decoded, dict):
        raise UnsuitableBase(f"{base.repo}: {path} is no JSON object")
    return decoded
