"""What `bot measure` is pointed at: a model's folder, or a repo at one revision. Imports nothing heavy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from bot.check.recipe_of import recipe_in
from bot.errors import HubUnavailable, NotFound, UsageError
from bot.fetch.local import local_snapshot
from bot.hub_errors import translate_errors
from bot.measure.request import ModelToMeasure
from bot.publish.ledger import MANIFEST, parse_manifest
from bot.records import BaseRevision, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.huggingface import HubDoor

UNNAMED = "quant"
"""The recipe of a quant that no manifest and no name tells."""


def located(door: HubDoor, text: str) -> Snapshot | BaseRevision:
    """A folder as it lies there, else the repo `owner/name` or `owner/name@revision` at its commit.

    Raises UsageError, NotFound, UnsuitableBase (a folder without a model), NotAllowed, HubUnavailable.
    """
    folder = Path(text).expanduser()
    if folder.is_dir():
        return local_snapshot(folder)
    repo, _, revision = text.partition("@")
    if text.startswith((".", "/", "~")):
        raise NotFound(f"{text} is no folder: give the folder of a model, or owner/name")
    if repo.count("/") != 1 or not all(repo.split("/")):
        raise UsageError(
            f"{text!r} is no folder and no repo: give a model's folder, owner/name or owner/name@revision"
        )
    return door.base_revision(repo, revision or None)


def to_measure(snapshot: Snapshot, recipes: Iterable[str], *, base: bool, has_base: bool) -> ModelToMeasure:
    """The model in that folder, its size from the bytes of its weights.

    Its recipe is the manifest's, else the one of `recipes` that its name tells. A base has none, nor has a
    lone model that is not quantized.
    """
    folder = Path(snapshot.path)
    manifest = parse_manifest((folder / MANIFEST).read_bytes()) if (folder / MANIFEST).is_file() else None
    named = manifest.recipe if manifest else recipe_in(snapshot.repo.rsplit("/", 1)[-1], recipes)
    unnamed = UNNAMED if has_base or _quantized(folder) else None
    return ModelToMeasure(
        name=snapshot.repo,
        path=snapshot.path,
        size_bytes=sum(file.size for file in snapshot.files if file.path.endswith(".safetensors")),
        recipe=None if base else named or unnamed,
        bits_per_weight=manifest.bits_per_weight or None if manifest else None,
    )


def has_text(door: HubDoor, dataset: str) -> bool:
    """Whether the text of the perplexity can be had now: it is a folder, or the Hub answers for it."""
    if Path(dataset).is_dir():
        return True
    try:
        with translate_errors(f"the dataset {dataset}"):
            door.api.dataset_info(dataset)
    except (HubUnavailable, NotFound):
        return False
    return True


def _quantized(folder: Path) -> bool:
    try:
        config = json.loads((folder / "config.json").read_text("utf-8", "replace"))
    except (ValueError, RecursionError):  # loading it will say so
        return False
    return isinstance(config, dict) and "quantization" in config
