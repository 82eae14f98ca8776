"""`qx_manifest.json`: everything by which a published quant can be recognised, checked and made again."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path

import msgspec

import bot
from bot.publish.files import describe
from bot.publish.ledger import MANIFEST
from bot.records import (
    Approval,
    Card,
    Evidence,
    Gate,
    Manifest,
    Measurement,
    ModelFolder,
    Plan,
    PlannedQuant,
)


def build(
    plan: Plan,
    quant: PlannedQuant,
    folder: ModelFolder,
    card: Card,
    measurement: Measurement,
    base_measurement: Measurement | None,
    *,
    gate: Gate | None = None,
    measuring: bool = False,
    approval: Approval | None = None,
) -> Manifest:
    """The ledger entry, its `files` and `evidence` still empty. Pure."""
    return Manifest(
        repo=quant.repo,
        base=plan.base.repo,
        base_sha=plan.base.sha,
        recipe=quant.recipe,
        recipe_hash=quant.recipe_hash,
        rules=plan.recipe_of(quant),
        text_only=folder.text_only,
        rehearsal=plan.rehearsal,
        template=card.template,
        template_commit=card.template_commit,
        bits_per_weight=folder.bits_per_weight,
        parameters=folder.parameters,
        collections=plan.collections,
        measurement=measurement,
        base_measurement=base_measurement,
        gate=gate,
        measuring=measuring,
        approval=approval,
    )


def write(path: Path, entry: Manifest) -> Manifest:
    """Describe every file in `path` but the manifest itself, and write the manifest beside them."""
    target = path / MANIFEST
    names = [p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file() and p != target]
    whole = msgspec.structs.replace(entry, files=describe(path, names), evidence=_evidence(entry))
    target.write_bytes(encoded(whole))
    return whole


def _evidence(entry: Manifest) -> Evidence:
    measured = entry.measurement
    return Evidence(
        versions={
            "qx-bot": bot.__version__,
            "python": platform.python_version(),
            **(measured.versions if measured else {}),
        },
        device=measured.device if measured else "",
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def encoded(entry: Manifest) -> bytes:
    """The manifest as it stands in a repo."""
    return msgspec.json.format(msgspec.json.encode(entry), indent=2) + b"\n"


def same(one: Manifest, other: Manifest) -> bool:
    """True when the two differ in nothing but when they were written, and with which tools."""
    return msgspec.structs.replace(one, evidence=None) == msgspec.structs.replace(other, evidence=None)
