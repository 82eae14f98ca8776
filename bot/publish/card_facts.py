"""The facts of a published card: kept in its repo, so that the card can be made again without measuring.

`measurements/facts.json` is what the card was rendered from. Siblings made since then are looked up on the
Hub; a repo that older versions of the bot made has no such file, and its manifest says what is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bot.adopt import siblings as adopted
from bot.card.facts import CollectionLink, Facts, Measured
from bot.card.recipe_words import how_stored
from bot.errors import NotFound
from bot.huggingface import HubDoor
from bot.measure.results import Outcomes
from bot.publish import ledger, outcomes
from bot.publish.ledger import OnHub
from bot.records import Manifest, Measurement, Sibling

FILE = f"{outcomes.FOLDER}/facts.json"


def write(folder: Path, facts: Facts, mine: Measurement, base: Measurement | None) -> None:
    """Keep the facts in the quant's folder; `mine` and `base` name the outcomes as the repo has them."""
    assert facts.measured is not None, "the facts of a quant that was made here"
    kept = replace(facts, measured=replace(facts.measured, measurement=mine, base_measurement=base))
    (folder / FILE).parent.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(encoded(kept))


def encoded(facts: Facts) -> bytes:
    """The facts as a file; what only says the default is left out."""
    return msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n"


def facts_of(door: HubDoor, repo: str) -> Facts:
    """The facts of a quant on the Hub, with its siblings as they are published now.

    Raises NotFound for a repo that the bot did not make, or that holds no measurement.
    """
    there = ledger.look(door, repo)
    manifest = there.manifest
    if manifest is None or manifest.measurement is None:
        raise NotFound(f"{repo} holds no measurement of qx-bot's: there are no facts for a card")
    kept = kept_facts(door, repo, there.sha) or _from_manifest(door, manifest)
    assert kept.measured is not None
    siblings = _siblings(door, manifest, kept.measured)
    others = adopted.of_base(door.endpoint, repo.split("/", 1)[0], manifest.base)
    return replace(kept, measured=replace(kept.measured, siblings=siblings, adopted=others))


def outcomes_of(door: HubDoor, facts: Facts) -> dict[str, Outcomes]:
    """The outcomes of every question, by repo: of the quant, its base, its siblings, as on the Hub."""
    known = facts.measured
    if known is None:
        return {}
    here = outcomes.on_hub(door, facts.full_name)
    found = {facts.full_name: outcomes.outcomes(known.measurement, here)}
    if known.base_measurement is not None:
        found[known.base.repo] = outcomes.outcomes(known.base_measurement, here)
    for sibling in known.siblings:
        found[sibling.repo] = outcomes.outcomes(sibling.measurement, outcomes.on_hub(door, sibling.repo))
    return found


def kept_facts(door: HubDoor, repo: str, revision: str | None = None) -> Facts | None:
    """The facts file of a repo; None where it has none, or none that this version understands."""
    data = door.read(repo, FILE, revision)
    try:
        found = msgspec.json.decode(data, type=Facts) if data is not None else None
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if found is not None and found.measured is not None else None


def _from_manifest(door: HubDoor, manifest: Manifest) -> Facts:
    assert manifest.measurement is not None
    base = door.base_revision(manifest.base, manifest.base_sha)
    return Facts(
        card=manifest.repo.rsplit("/", 1)[-1],
        repo=manifest.repo,
        base_model=manifest.base,
        recipe=manifest.recipe,
        architecture=base.model_type,
        mlx_lm_version=manifest.measurement.versions.get("mlx-lm"),
        collections=tuple(CollectionLink(title=title) for title in manifest.collections),
        endpoint=door.endpoint,
        rehearsal=manifest.rehearsal,
        text_only=manifest.text_only,
        template=manifest.template or None,
        measured=Measured(
            base=replace(base, files=()),
            base_bytes=base.weight_bytes,
            recipe_hash=manifest.recipe_hash,
            about=manifest.rules.about if manifest.rules else "",
            stored=how_stored(manifest.rules) if manifest.rules else (),
            bits_per_weight=manifest.bits_per_weight,
            parameters=manifest.parameters,
            measurement=manifest.measurement,
            base_measurement=manifest.base_measurement,
            versions=manifest.evidence.versions if manifest.evidence else manifest.measurement.versions,
            gate=manifest.gate,
            measuring=manifest.measuring,
        ),
    )


def siblings_on_hub(door: HubDoor, account: str, base: str, *shas: str) -> tuple[Sibling, ...]:
    """The account's measured quants of the weights of one of these base revisions."""
    return siblings_among(ledger.made_of(door, account, base), shas)


def siblings_among(quants: Iterable[OnHub], shas: Iterable[str]) -> tuple[Sibling, ...]:
    """Those that were measured and hold the weights of one of these base revisions, patched since or not.
    What the gate keeps private is not among them: readers could not load it."""
    wanted = frozenset(shas)
    return tuple(
        Sibling(repo=there.repo, recipe=found.recipe, measurement=found.measurement, published=True)
        for there in quants
        if (found := there.manifest) is not None
        and found.measurement is not None
        and found.revisions & wanted
        and not (found.stopped and there.private)
    )


def _siblings(door: HubDoor, manifest: Manifest, known: Measured) -> tuple[Sibling, ...]:
    """Those that are on the Hub now, and the rivals that the card names."""
    account = manifest.repo.partition("/")[0]
    now = siblings_on_hub(door, account, manifest.base, *manifest.revisions)
    rivals = (sibling for sibling in known.siblings if sibling.recipe == sibling.repo)
    return (*(sibling for sibling in now if sibling.repo != manifest.repo), *rivals)
