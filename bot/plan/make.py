"""The edge of the plan stage: looks up the base, predicts sizes, looks at the target repos, then decides."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import msgspec

from bot.errors import HostError, NeedsPerson, UnsuitableBase
from bot.huggingface import HubDoor
from bot.plan.budget import DISK_SPARE
from bot.plan.decide import Wishes, decide, needs, repo_name, unsuitable
from bot.publish import ledger
from bot.recipes.bases import inventory_of, of_repo
from bot.recipes.layout import prediction
from bot.records import Plan
from bot.settings import Settings


def make_plan(
    door: HubDoor,
    known: Settings,
    repo: str,
    revision: str | None,
    wishes: Wishes,
    why: str = "",
    *,
    terms: Literal["now", "later"] = "now",
) -> Plan:
    """The plan for `repo` at `revision` (its default branch when None).

    `terms`: whether a base that is gated or names no license is refused here, or left to who decides later
    (`bot.plan.rules`). Raises NotFound, NotAllowed, NeedsPerson, UnsuitableBase, HubUnavailable.
    """
    base = door.base_revision(repo, revision)
    reason = unsuitable(base)
    if reason is not None:
        raise UnsuitableBase(reason)
    if terms == "now" and needs(base, wishes.accepted):
        raise NeedsPerson("; ".join(needs(base, wishes.accepted)))
    described = of_repo(door, base)
    base = msgspec.structs.replace(base, model_type=_model_type(described.config))
    inventory = inventory_of(known, described, text_only=wishes.text_only)
    names = [
        repo_name(wishes.account, base.repo, recipe.name, text_only=inventory.text_only)
        for recipe in wishes.recipes
    ]
    return decide(
        base,
        wishes,
        [prediction(recipe, inventory) for recipe in wishes.recipes],
        {name: ledger.look_everywhere(door, name) for name in names},
        endpoint=door.endpoint,
        text_only=inventory.text_only,
        why=why,
    )


def _model_type(config: str) -> str | None:
    try:
        found = msgspec.json.decode(config, type=dict[str, object]).get("model_type")
    except (msgspec.DecodeError, RecursionError):
        return None  # the prediction says in a sentence what is wrong with it
    return found[:100] if isinstance(found, str) else None


def check_disk(known: Settings, plan: Plan) -> None:
    """Raise HostError when the plan does not fit on the disk that holds `home`."""
    known.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(Path(known.home)).free
    need = int(plan.disk_bytes * DISK_SPARE)
    if need > free:
        raise HostError(
            f"{plan.base.repo} needs {need / 1e9:.1f} GB on the disk of {known.home}, {free / 1e9:.1f} GB "
            "are free: free some, or set BOT_HOME to another disk"
        )
