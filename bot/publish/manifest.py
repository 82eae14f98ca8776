"""`qx_manifest.json`: everything by which a published quant can be recognised, checked and made again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bot.publish.files import describe
from bot.publish.ledger import MANIFEST
from bot.records import Card, Evidence, Manifest, Measurement, ModelFolder, Plan, PlannedQuant


def build(
    plan: Plan,
    quant: PlannedQuant,
    folder: ModelFolder,
    card: Card,
    measurement: Measurement,
    base_measurement: Measurement | None,
    made_at: str,
) -> Manifest:
    """The ledger entry, its `files` still empty. Pure."""
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
        evidence=Evidence(versions=measurement.versions, device=measurement.device, made_at=made_at),
    )


def write(
    path: Path,
    plan: Plan,
    quant: PlannedQuant,
    folder: ModelFolder,
    card: Card,
    measurement: Measurement,
    base_measurement: Measurement | None,
) -> Manifest:
    """Describe every file in `path` but the manifest itself, and write the manifest beside them."""
    target = path / MANIFEST
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    fresh = build(plan, quant, folder, card, measurement, base_measurement, made_at)
    names = [p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file() and p != target]
    fresh = msgspec.structs.replace(fresh, files=describe(path, names))
    target.write_bytes(msgspec.json.format(msgspec.json.encode(fresh), indent=2) + b"\n")
    return fresh
