"""Models with outcomes of every question, as the store and a quant's repo keep them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bot.measure.results import Outcome, place, save_outcomes
from bot.measure.statistics import proportion_stderr
from bot.publish import outcomes
from bot.publish.ledger import MANIFEST
from bot.records import Manifest, Measurement, TaskScore
from tests.card.examples import BASE, BASE_MEASUREMENT, QX86_HI

OWNER = "tester"


def answered(right: Sequence[bool], first: int = 0) -> tuple[Outcome, ...]:
    return tuple(
        Outcome(
            question=i, question_hash=f"hash {i}", answer=0, right=0, correct=correct, loglikelihoods=(-1.0,)
        )
        for i, correct in enumerate(right, first)
    )


def score_of(task: str, kept: Sequence[Outcome], **more: object) -> TaskScore:
    value = sum(outcome.correct for outcome in kept) / len(kept)
    stderr = proportion_stderr(value, len(kept))
    known = {
        "task": task,
        "metric": "acc",
        "value": value,
        "stderr": stderr,
        "n": len(kept),
        "version": "1.0",
    }
    return TaskScore(**(known | more))  # type: ignore[arg-type]  # fields of several types


def stored(store: Path, like: Measurement, name: str, tasks: dict[str, Sequence[bool]]) -> Measurement:
    """`like`, but with these answers, kept in the store."""
    scores = []
    for task, right in tasks.items():
        at = place(name * 40, task, {})
        save_outcomes(store, at, answered(right))
        scores.append(score_of(task, answered(right), outcomes=at.outcomes))
    return replace(like, tasks=tuple(scores))


def drawn(n: int, share: float, seed: int) -> list[bool]:
    rng = random.Random(seed)
    return [rng.random() < share for _ in range(n)]


def turned(right: Sequence[bool], lost: int, gained: int) -> list[bool]:
    """The same answers, but for the first so many right ones lost and wrong ones gained."""
    changed = list(right)
    for index in [i for i, correct in enumerate(right) if correct][:lost]:
        changed[index] = False
    for index in [i for i, correct in enumerate(right) if not correct][:gained]:
        changed[index] = True
    return changed


def family(store: Path) -> tuple[Measurement, Measurement]:
    """A base and a quant in the store: a loss on boolq that only pairs show, piqa within noise."""
    boolq, piqa = drawn(1000, 0.7, 1), drawn(400, 0.6, 2)
    base = stored(store, BASE_MEASUREMENT, "a", {"boolq": boolq, "piqa": piqa})
    quant = stored(store, QX86_HI, "b", {"boolq": turned(boolq, 25, 2), "piqa": turned(piqa, 3, 4)})
    return base, quant


def quant_folder(folder: Path, store: Path, base: Measurement | None, quant: Measurement | None) -> Path:
    """A quant's folder with manifest and outcomes, as the flow leaves it (the weights aside)."""
    folder.mkdir(parents=True)
    if quant is not None:
        quant, base = outcomes.keep(folder, store, quant, base)
    manifest = Manifest(
        repo=f"{OWNER}/{folder.name}", base=BASE.repo, base_sha=BASE.sha, recipe="qx86-hi",
        recipe_hash="c0ffee", measurement=quant, base_measurement=base,
    )  # fmt: skip
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return folder
