"""Whom else a card compares with: other bases and other accounts' quants, from what their repos say."""

from __future__ import annotations

from collections.abc import Sequence

from bot.huggingface import HubDoor
from bot.publish import ledger
from bot.records import Measurement, Sibling

SIBLINGS = "siblings"


def rivals(
    door: HubDoor, account: str, compare_with: Sequence[str]
) -> tuple[tuple[Sibling, ...], tuple[str, ...]]:
    """The measured ones as siblings named by their repo, and a sentence for each that cannot be compared.

    A quant's measurement stands in its own manifest; that of an unquantized base in the manifest of a quant
    that this account made of it.
    """
    found: list[Sibling] = []
    missing: list[str] = []
    for repo in compare_with:
        if repo == SIBLINGS:
            continue
        measurement = _of_quant(door, repo) or _of_base(door, account, repo)
        if measurement is None:
            missing.append(f"{repo} is not in the tables: {_why_not(door, repo)}.")
        else:
            found.append(Sibling(repo=repo, recipe=repo, measurement=measurement, published=True))
    return tuple(found), tuple(missing)


def _of_quant(door: HubDoor, repo: str) -> Measurement | None:
    manifest = ledger.look(door, repo).manifest
    return manifest.measurement if manifest else None


def _why_not(door: HubDoor, repo: str) -> str:
    """What a card reports of itself is no measurement, adopted or not."""
    if ledger.look(door, repo).standing == "foreign":
        return "it was not measured here, and what its own card reports is not compared with measurements"
    return "no measurement of it can be read"


def _of_base(door: HubDoor, account: str, repo: str) -> Measurement | None:
    for quant in ledger.made_of(door, account, repo):
        if quant.manifest and quant.manifest.base_measurement:
            return quant.manifest.base_measurement
    return None
