"""The step that writes what a quant says of itself: card, outcomes, benchmark results, manifest."""

from __future__ import annotations

from pathlib import Path

from dbos import DBOS
from msgspec.structs import replace

from bot import settings
from bot.adopt import siblings as adopted
from bot.card import written
from bot.card.board import board
from bot.card.facts import Facts, facts
from bot.card.figures.layer_bits import of_folder
from bot.card.words import words_for
from bot.errors import NotFound
from bot.huggingface import HubDoor
from bot.measure.results import Outcomes
from bot.publish import card_facts, card_hand, card_updates, eval_results, manifest, outcomes
from bot.publish.rivals import rivals
from bot.records import Approval, Gate, Manifest, Measurement, Sibling, from_json
from bot.review import own_words
from bot.review.gate import judge
from bot.review.review import review
from bot.steps.job import Job, Json, door, say, settings_for
from bot.steps.model_review import with_review


@DBOS.step(name="card")
def write_card(job_json: Json) -> None:
    """README.md, the outcomes of every question and qx_manifest.json into the folder."""
    job = from_json(Job, job_json)
    say(job, "card", job.quant.repo)
    write(job, gate_of(job))


def gate_of(job: Job, complaints: tuple[str, ...] = ()) -> Gate:
    """What the gate says of the job's quant; `complaints` as the smoke test has them."""
    mine, base = required(job), job.measurement_of(None)
    read = outcomes.below(settings_for(job.plan).measurements)
    broken = (job.broken,) if job.broken else ()
    return judge(
        mine,
        base,
        job.folder.bits_per_weight,
        job.plan.gate,
        outcomes=outcomes.outcomes(mine, read),
        base_outcomes=outcomes.outcomes(base, read) if base is not None else {},
        complaints=(*complaints, *broken),
    )


def write(job: Job, gate: Gate, approval: Approval | None = None) -> Manifest:
    """Everything but the weights and the tokenizer, into the quant's folder. Returns its manifest.

    Raises NotFound when the folder is no longer there.
    """
    hub = door(job.plan)
    folder = Path(job.folder.path)
    if not folder.is_dir():
        raise NotFound(
            f"{folder.name} is no longer on this disk: run `bot publish {job.plan.base.repo}` again"
        )
    store = settings_for(job.plan).measurements
    known = _facts(job, hub, gate)
    for warning in own_words.warnings(known, board(known)):
        say(job, "card", f"{job.quant.repo}: {warning}")
    said = review(known, _outcomes(known, hub, store))
    known = with_review(job, known, said)
    card = written.write(folder, known, said, settings.from_environment().templates)
    mine, base = outcomes.keep(folder, store, required(job), job.measurement_of(None))
    card_facts.write(folder, known, mine, base)
    by_hand = card_hand.carry(hub, job.quant.repo, card)
    if by_hand.told:
        say(job, "card", by_hand.told)
    card = card_hand.write(folder, card, by_hand)
    eval_results.write(folder, hub, job.quant.repo, mine, rehearsal=job.plan.rehearsal)
    entry = manifest.build(
        job.plan,
        job.quant,
        job.folder,
        card,
        mine,
        base,
        gate=gate,
        measuring=job.measuring,
        approval=approval,
    )
    return manifest.write(folder, entry)


def _facts(job: Job, hub: HubDoor, gate: Gate) -> Facts:
    others, missing = rivals(hub, job.plan.account, job.plan.compare_with)
    return facts(
        plan=job.plan,
        quant=job.quant,
        folder=replace(job.folder, notes=(*job.folder.notes, *missing)),
        measurement=required(job),
        base_measurement=job.measurement_of(None),
        siblings=(*_siblings(job, hub), *others),
        endpoint=hub.endpoint,
        gate=gate,
        measuring=job.measuring,
        updates=card_updates.updates(hub, job.quant, job.folder),
        layers=of_folder(Path(job.folder.path)),
        adopted=adopted.of_base(hub.endpoint, job.plan.account, job.plan.base.repo),
        words=words_for(
            settings.from_environment().watchlist, job.plan.base.repo, job.quant.recipe, job.plan.account
        ),
    )


def _outcomes(known: Facts, hub: HubDoor, store: Path) -> dict[str, Outcomes]:
    """By repo: what was measured here from the store, what is on the Hub already from its repo."""
    here = outcomes.below(store)
    measured = known.measured
    assert measured is not None, "a quant of a job was measured"
    found = {
        sibling.repo: outcomes.outcomes(
            sibling.measurement, outcomes.on_hub(hub, sibling.repo) if sibling.published else here
        )
        for sibling in measured.siblings
    }
    found[known.full_name] = outcomes.outcomes(measured.measurement, here)
    if measured.base_measurement is not None:
        found[measured.base.repo] = outcomes.outcomes(measured.base_measurement, here)
    return found


def required(job: Job) -> Measurement:
    """The measurement of the job's quant."""
    measurement = job.measurement_of(job.quant.recipe)
    assert measurement is not None, "every quant of a family was measured"
    return measurement


def _siblings(job: Job, hub: HubDoor) -> tuple[Sibling, ...]:
    """The quants made together with this one, and those of the same revision that are on the Hub already.

    What the gate stops is not among them: readers could not load it.
    """
    here = {
        quant.repo: Sibling(repo=quant.repo, recipe=quant.recipe, measurement=measurement)
        for quant in job.plan.quants
        if quant.repo != job.quant.repo
        and (measurement := job.measurement_of(quant.recipe)) is not None
        and judge(
            measurement, job.measurement_of(None), measurement.bits_per_weight or 0, job.plan.gate
        ).passed
    }
    base = job.plan.base
    for sibling in card_facts.siblings_on_hub(hub, job.plan.account, base.repo, base.sha):
        if sibling.repo not in (*here, job.quant.repo):
            here[sibling.repo] = sibling
    return tuple(here.values())
