"""What may be said about one quant: a verdict and a few sentences, every number out of the facts."""

from __future__ import annotations

from collections.abc import Mapping

from bot.card.board import board, chip
from bot.card.facts import Facts, Measured
from bot.card.numbers import bits, difference, listed, percent, size, task_title, tasks
from bot.measure.results import Outcomes
from bot.recipes.mac.memory import FILL
from bot.records import Measurement, Review
from bot.review.compare import NOT_KNOWN, Comparison, TaskDifference, compare, silent_tasks
from bot.review.macs import smallest_mac
from bot.review.reported import reported_review
from bot.review.wording import Wording

_TAKE_IT = (
    "where space counts, it is the one to take",
    "take it where memory is short",
    "it is the better choice where every gigabyte counts",
)


def review(facts: Facts, outcomes: Mapping[str, Outcomes] | None = None) -> Review:
    """Compare the quant with its base and its siblings and put the result in words. Pure.

    `outcomes` are the per-question outcomes of each model that has them, by its repo: where both sides'
    are known the tests are paired. Facts that were only reported are told without tests.
    """
    if (known := facts.measured) is None:
        return reported_review(facts, board(facts))
    mine, say = known.measurement, Wording(facts.card)
    comparisons = _comparisons(facts, known, outcomes or {})
    with_base = next((c for c in comparisons if c.name == "base"), None)
    siblings = tuple(c for c in comparisons if c is not with_base)
    silent = silent_tasks(mine, known.base_measurement)
    sentences = (
        *(_against(c, "the base", most=7) for c in (with_base,) if c),
        *_against_siblings(siblings),
        *_cheaper(mine, siblings, say),
        *_otherwise(comparisons),
        *_tests(comparisons),
        *(f"{task_title(task)} says nothing here: {reason}." for task, reason in silent.items()),
        _speed(mine, say),
        _memory(mine, say),
    )
    return Review(
        verdict=_verdict(facts.recipe, known, with_base, silent),
        sentences=tuple(filter(None, sentences)),
        says_nothing=tuple(silent),
    )


def _comparisons(facts: Facts, known: Measured, outcomes: Mapping[str, Outcomes]) -> tuple[Comparison, ...]:
    """With the base if it was measured, and the siblings, largest first."""
    siblings = sorted(known.siblings, key=lambda s: -s.measurement.size_bytes)
    others = [(s.recipe, s.repo, s.measurement) for s in siblings]
    if known.base_measurement is not None:
        others.insert(0, ("base", known.base.repo, known.base_measurement))
    mine = outcomes.get(facts.full_name, NOT_KNOWN)
    return tuple(
        compare(known.measurement, name, other, mine, outcomes.get(repo, NOT_KNOWN))
        for name, repo, other in others
    )


def _verdict(recipe: str, known: Measured, with_base: Comparison | None, silent: dict[str, str]) -> str:
    weight = known.measurement.size_bytes
    memory = smallest_mac(weight)
    fit = f"fits a Mac with {memory} GB of memory" if memory else "fits no single Mac"
    start = f"{recipe} takes {size(weight)} ({bits(known.bits_per_weight)} bits per weight), {fit}, and "
    return start + _quality(known, with_base, silent) + "."


def _quality(known: Measured, with_base: Comparison | None, silent: dict[str, str]) -> str:
    if not known.measurement.tasks:
        return "was measured on no task"
    if with_base is None:
        return "has no measured base to be compared with: what quantizing cost is not known"
    if not with_base.tasks:
        return (
            f"none of its {len(silent)} tasks says anything here"
            if silent
            else "shares no task with its base"
        )
    if not with_base.gains and not with_base.losses:
        return (
            f"is within noise of its base on {_all(len(with_base.tasks))} that {_say(len(with_base.tasks))}"
        )
    changes = [_changed("loses", with_base.losses), _changed("gains", with_base.gains)]
    rest = len(with_base.within_noise)
    return f"{listed([c for c in changes if c])} against its base beyond noise" + (
        f", with the other {tasks(rest)} within noise" if rest else ""
    )


def _changed(verb: str, found: tuple[TaskDifference, ...]) -> str:
    """`loses HellaSwag (-0.021)`; from three on only how many, and the largest."""
    if len(found) < 3:
        return f"{verb} {_named(found)}" if found else ""
    return f"{verb} on {len(found)} tasks, most on {_named(_largest(found)[:1])}"


def _against(found: Comparison, name: str, most: int = 2) -> str:
    """One sentence on a comparison: losses and gains (the `most` largest by name), the rest, perplexity."""
    parts = [f"loses {_named(found.losses, most)} beyond noise"] if found.losses else []
    parts += [f"gains {_named(found.gains, most)} beyond noise"] if found.gains else []
    rest = len(found.within_noise)
    if rest:
        parts.append(f"is within noise on {tasks(rest)}" if parts else f"is within noise on {_all(rest)}")
    perplexity = _perplexity(found)
    if not parts:
        return f"Against {name}, {perplexity}." if perplexity else ""
    return f"Against {name} this quant {listed(parts)}" + (f"; {perplexity}." if perplexity else ".")


def _perplexity(found: Comparison) -> str:
    """`its perplexity is 0.5 % higher (within noise)`, or nothing where it was not measured on both."""
    if found.perplexity is None:
        return ""
    shown = percent(found.perplexity)
    words = {"+": f"{shown[1:]} higher", "-": f"{shown[1:]} lower", "±": "the same"}[shown[0]]
    return f"its perplexity is {words} ({'beyond' if found.perplexity_beyond_noise else 'within'} noise)"


def _against_siblings(siblings: tuple[Comparison, ...]) -> tuple[str, ...]:
    """A sentence for each sibling that differs beyond noise, one for all the others together."""
    alike = [c for c in siblings if c.tasks and not c.differs]
    told = tuple(_against(c, c.name) for c in siblings if c.differs)
    if not alike:
        return told
    perplexity = ", and so is perplexity" if all(c.perplexity is not None for c in alike) else ""
    names = listed([c.name for c in alike])
    return (*told, f"Against {names} every task that says something is within noise{perplexity}.")


def _cheaper(mine: Measurement, siblings: tuple[Comparison, ...], say: Wording) -> tuple[str, ...]:
    """The smallest sibling that is smaller than this quant and nowhere worse beyond noise."""
    own = mine.size_bytes
    equal = [
        c for c in siblings
        if 0 < c.size_bytes < own and c.tasks and not c.gains
        and not (c.perplexity_beyond_noise and (c.perplexity or 0.0) < 0)
    ]  # fmt: skip
    if not equal:
        return ()
    best = min(equal, key=lambda c: c.size_bytes)
    what = "task or on perplexity" if best.perplexity is not None else "task"
    return (
        f"The smaller {best.name} ({size(best.size_bytes)}) is not worse beyond noise on any {what}: "
        f"{say(*_TAKE_IT)}.",
    )


def _otherwise(comparisons: tuple[Comparison, ...]) -> tuple[str, ...]:
    """What was asked otherwise of another model, so that no difference can be told; a sentence a reason."""
    sentences = []
    for found in comparisons:
        for why_not in dict.fromkeys(found.not_compared.values()):
            tasks = [task_title(task) for task, why in found.not_compared.items() if why == why_not]
            sentences.append(f"Not compared with {_called(found)} on {listed(tasks)}: {why_not}.")
    return tuple(sentences)


def _tests(comparisons: tuple[Comparison, ...]) -> tuple[str, ...]:
    """How the differences of tasks were tested, if there are any."""
    compared = [c for c in comparisons if c.tasks]
    unpaired = [_called(c) for c in compared if not c.paired]
    if not compared:
        return ()
    if not unpaired:
        return ("Noise is told by paired tests: every model answered the same questions.",)
    against = f"against {listed(unpaired)} " if len(unpaired) < len(compared) else ""
    rest = "; the other tests are paired" if against else ""
    return (
        f"Tests {against}are unpaired, from scores and standard errors alone, and therefore cautious: not "
        f"every question's outcomes are known on both sides{rest}.",
    )


def _called(found: Comparison) -> str:
    return "the base" if found.name == "base" else found.name


def _speed(mine: Measurement, say: Wording) -> str:
    speed = mine.speed
    if speed is None:
        return ""
    made = say("It generates", "It writes", "Generating, it reaches")
    read = say("and reads a prompt at", "and goes through a prompt at", "and a prompt is read at")
    return (
        f"{made} {speed.generation_tps:,.1f} tokens per second {read} {speed.prompt_tps:,.1f}, "
        f"on {chip(mine.device)}."
    )


def _memory(mine: Measurement, say: Wording) -> str:
    weight = mine.size_bytes
    memory = smallest_mac(weight)
    share = f"{100 * FILL:.0f} % of Metal's working set"
    room = say(
        f"{share}, the rest being left for the context",
        f"{share}, which leaves room for the context",
        f"{share}; what remains is for the context",
    )
    if memory is None:
        return f"Its {size(weight)} are more than {room}, on any single Mac."
    inside = say("are within", "stay within", "take no more than")
    return f"On a Mac with {memory} GB or more its {size(weight)} {inside} {room}."


def _largest(differences: tuple[TaskDifference, ...]) -> tuple[TaskDifference, ...]:
    return tuple(sorted(differences, key=lambda d: -abs(d.value)))


def _named(differences: tuple[TaskDifference, ...], most: int = 7) -> str:
    shown = [f"{task_title(d.task)} ({difference(d.value)})" for d in _largest(differences)]
    more = len(shown) - most
    return listed([*shown[:most], f"{more} more"] if more > 0 else shown)


def _all(number: int) -> str:
    return "the one task" if number == 1 else f"all {number} tasks"


def _say(number: int) -> str:
    return "says something here" if number == 1 else "say something here"
