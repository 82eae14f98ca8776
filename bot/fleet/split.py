"""Splitting a long measurement by model and task over several machines. Pure; `shares` does it.

Only the questions of tasks are split. Speed belongs to the machine on which it is taken, and perplexity (with
the KL to the base) is one pass over a short text; both stay with the family. Put together again exactly: a
share's finished measurements are kept under the hash of all that they depend on (`measure/results.py`), so
the family's own measuring then finds them as if it had made them, and makes what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bot.records import MeasureSettings, Plan, Record

LONG_FROM = 20 * 10**9
"""Bytes of weights of the base from which other machines are asked: they must fetch and quantize it first."""

QUESTIONS = {
    "arc_challenge": 1172 * 4, "arc_easy": 2376 * 4, "boolq": 3270 * 2, "hellaswag": 10042 * 4,
    "openbookqa": 500 * 4, "piqa": 1838 * 2, "winogrande": 1267 * 2,
}  # fmt: skip
"""Questions times choices: about how long each task takes beside the others."""
OTHER = 8000
CHOICES = 4


class Work(Record, frozen=True, kw_only=True):
    """Some tasks of one model of a family; the base has no recipe."""

    recipe: str | None
    tasks: tuple[str, ...]


class Share(Record, frozen=True, kw_only=True):
    """What one machine measures."""

    work: tuple[Work, ...]

    @property
    def recipes(self) -> tuple[str, ...]:
        return tuple(one.recipe for one in self.work if one.recipe is not None)


def cost(task: str, limit: int | None) -> int:
    """How long it takes, in questions times choices."""
    full = QUESTIONS.get(task, OTHER)
    return full if limit is None else min(full, limit * CHOICES)


def split(recipes: Sequence[str | None], settings: MeasureSettings, machines: int) -> list[Share]:
    """As many shares as there are machines, or fewer where there is less to do; about equally long.

    Whole models are handed out as long as there is one for each machine: each pass over the weights then
    answers all tasks at once. Otherwise each model's tasks are split.
    """
    if len(recipes) >= machines:
        pieces = [(recipe, settings.tasks) for recipe in recipes]
    else:
        pieces = [(recipe, (task,)) for recipe in recipes for task in settings.tasks]

    def length(piece: tuple[str | None, tuple[str, ...]]) -> int:
        return sum(cost(task, settings.limit) for task in piece[1])

    loads = [0] * machines
    given: list[list[tuple[str | None, tuple[str, ...]]]] = [[] for _ in range(machines)]
    for piece in sorted(pieces, key=lambda p: -length(p)):
        least = loads.index(min(loads))
        loads[least] += length(piece)
        given[least].append(piece)
    return [_share(pieces_of_one) for pieces_of_one in given if pieces_of_one]


def _share(pieces: Sequence[tuple[str | None, tuple[str, ...]]]) -> Share:
    tasks: dict[str | None, tuple[str, ...]] = {}
    for recipe, some in pieces:
        tasks[recipe] = (*tasks.get(recipe, ()), *some)
    return Share(work=tuple(Work(recipe=recipe, tasks=tasks[recipe]) for recipe in tasks))


def rest(recipes: Sequence[str | None], tasks: Sequence[str], given: Sequence[Share]) -> Share:
    """What of all models and tasks is in none of the shares."""
    away = {(one.recipe, task) for share in given for one in share.work for task in one.tasks}
    left = [(recipe, (task,)) for recipe in recipes for task in tasks if (recipe, task) not in away]
    return _share(left)


def only_tasks(settings: MeasureSettings, tasks: Sequence[str]) -> MeasureSettings:
    """These tasks and nothing else, asked in the same way: a task's number depends on nothing of the rest."""
    return replace(settings, tasks=tuple(tasks), perplexity_samples=0, speed_trials=0)


def plan_of(plan: Plan, share: Share) -> Plan:
    """The family's plan, of which only the share's quants are made."""
    wanted = set(share.recipes)
    quants = tuple(quant for quant in plan.quants if quant.recipe in wanted)
    return replace(plan, quants=quants)
