"""The edge of the plan stage: looks up the base, predicts sizes, looks at the target repos, then decides."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path

import msgspec

from bot import child, safetensors, settings
from bot.errors import HostError, NeedsPerson, UnsuitableBase
from bot.huggingface import HubDoor
from bot.plan.decide import Wishes, decide, needs, repo_name, unsuitable
from bot.publish import ledger
from bot.recipes import Predictions, PredictRequest
from bot.records import BaseRevision, Plan, RepoFile
from bot.settings import Settings

CONFIG_BYTES = 1 << 20
"""No honest config.json is larger."""
HEADROOM = 1.1
FIRST_BYTES = 1 << 17
"""Most headers fit into the first request."""


def make_plan(
    door: HubDoor, known: Settings, repo: str, revision: str | None, wishes: Wishes, why: str = ""
) -> Plan:
    """The plan for `repo` at `revision` (its default branch when None).

    Raises NotFound, NotAllowed, UnsuitableBase, UsageError (a recipe nobody knows), HubUnavailable.
    """
    base = door.base_revision(repo, revision)
    reason = unsuitable(base)
    if reason is not None:
        raise UnsuitableBase(reason)
    if needs(base, wishes.accepted):
        raise NeedsPerson("; ".join(needs(base, wishes.accepted)))
    config = _config(door, base)
    base = msgspec.structs.replace(base, model_type=_model_type(config))
    predictions = _predict(door, known, base, config, wishes.recipes)
    names = [
        repo_name(wishes.account, base.repo, p.recipe, text_only=predictions.text_only)
        for p in predictions.items
    ]
    standings = {name: ledger.look(door, name) for name in names}
    return decide(
        base,
        wishes,
        predictions.items,
        standings,
        endpoint=door.endpoint,
        text_only=predictions.text_only,
        why=why,
    )


def _config(door: HubDoor, base: BaseRevision) -> str:
    size = next(f.size for f in base.files if f.path == "config.json")
    if size > CONFIG_BYTES:
        raise UnsuitableBase(f"{base.repo}: config.json has {size} bytes, that is no model's config")
    return (door.read(base.repo, "config.json", base.sha) or b"{}").decode("utf-8", "replace")


def _model_type(config: str) -> str | None:
    try:
        found = msgspec.json.decode(config, type=dict[str, object]).get("model_type")
    except (msgspec.DecodeError, RecursionError):
        return None  # the prediction says in a sentence what is wrong with it
    return found[:100] if isinstance(found, str) else None


def _predict(
    door: HubDoor, known: Settings, base: BaseRevision, config: str, recipes: tuple[str, ...]
) -> Predictions:
    request = PredictRequest(base=base.repo, config=config, recipes=recipes, tensors=_tensors(door, base))
    return child.run(
        "bot.recipes.predict",
        request,
        Predictions,
        log=known.state / "logs" / "predict.txt",
        environment=settings.hub_environment(known),
    )


def _tensors(door: HubDoor, base: BaseRevision) -> dict[str, safetensors.Tensor]:
    """What the headers of the base's weight files say, by two range requests a file.

    Only the files mlx-lm loads (`model*.safetensors`) count; others are copies in another layout.
    """
    tensors: dict[str, safetensors.Tensor] = {}
    for file in base.files:
        if fnmatch(file.path, "model*.safetensors"):
            tensors |= _header(door, base, file)
    return tensors


def _header(door: HubDoor, base: BaseRevision, file: RepoFile) -> dict[str, safetensors.Tensor]:
    if file.size < 8:
        raise UnsuitableBase(f"{base.repo}: {file.path} is truncated: it has {file.size} bytes")
    head = door.range(base.repo, file.path, base.sha, 0, min(FIRST_BYTES, file.size))
    length = int.from_bytes(head[:8], "little")
    if length > min(safetensors.LARGEST_HEADER, file.size - 8):
        raise UnsuitableBase(f"{base.repo}: {file.path} claims a header of {length} bytes and is corrupt")
    text = head[8 : 8 + length]
    if len(text) < length:
        text += door.range(base.repo, file.path, base.sha, 8 + len(text), length - len(text))
    try:
        return safetensors.parse_header(text, file.size - 8 - length)
    except safetensors.HeaderError as error:
        raise UnsuitableBase(f"{base.repo}: {file.path} {error}") from error


def check_disk(known: Settings, plan: Plan) -> None:
    """Raise HostError when the plan does not fit on the disk that holds `home`."""
    known.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(Path(known.home)).free
    need = int(plan.disk_bytes * HEADROOM)
    if need > free:
        raise HostError(
            f"{plan.base.repo} needs {need / 1e9:.1f} GB on the disk of {known.home}, {free / 1e9:.1f} GB "
            "are free: free some, or set BOT_HOME to another disk"
        )
