"""What may be said of a quant whose scores were only published: counts, means and extremes, no tests.

Without standard errors nobody can say which differences are beyond noise, and the sentences say so.
"""

from __future__ import annotations

from bot.card.board import Board, Model
from bot.card.facts import Facts
from bot.card.numbers import listed, size, task_title, tasks
from bot.card.score_tables.summary import Tally, points, tally
from bot.records import Review
from bot.review.macs import smallest_mac
from bot.review.wording import Wording


def reported_review(facts: Facts, board: Board) -> Review:
    """A verdict, and a few sentences on the scores, the perplexity, the speed and the size."""
    say = Wording(facts.card)
    rivals = [model for model in board.others if model.scores.keys() & board.subject.scores.keys()]
    tallies = [tally(board, board.subject, model) for model in rivals]
    sentences = [
        *(_against(found, say) for found in tallies),
        _perplexity(board, say),
        _speed(board, say),
        _smaller(board),
        _noise(tallies),
    ]
    return Review(verdict=_verdict(facts, board, tallies), sentences=tuple(filter(None, sentences)))


def _verdict(facts: Facts, board: Board, tallies: list[Tally]) -> str:
    mine = board.subject
    stored = f"{facts.recipe} of {facts.base_model.rsplit('/', 1)[-1]}"
    if mine.size_bytes:
        memory = smallest_mac(mine.size_bytes)
        fit = f", fits a Mac with {memory} GB of memory" if memory else ", fits no single Mac"
        stored += f" takes {mine.size or size(mine.size_bytes)}{fit}"
    elif mine.widths:
        stored += f" has {mine.widths.head} bits for head and attention and {mine.widths.data} for the data"
    if not tallies:
        return f"{stored}; no published score can be compared with it."
    ahead = [f"of {found.other} on {len(found.wins)} of {tasks(len(found.gaps))}" for found in tallies]
    return f"{stored}; it is ahead {listed(ahead)}."


def _against(found: Tally, say: Wording) -> str:
    """Wins, ties and losses against one model, with the mean and the extremes."""
    total, wins = len(found.gaps), found.wins
    if len(found.ties) == total:
        return f"Against {found.other} every score is the same to the printed digit."
    more, less = say(("is higher", "is lower"), ("is ahead", "is behind"), ("scores more", "scores less"))
    groups = ((more, wins), (less, found.losses))
    parts = [f"{verb} on {_named(tasks, found)}" for verb, tasks in groups if tasks]
    if found.ties:
        parts.append(f"has the same score on {listed([task_title(task) for task in found.ties])}")
    mean = f"; the mean difference over {tasks(total)} is {points(found.mean or 0.0)}"
    return f"Against {found.other} it {listed(parts)}{mean}."


def _named(tasks: tuple[str, ...], found: Tally) -> str:
    ordered = sorted(tasks, key=lambda task: -abs(found.gaps[task]))
    return listed([f"{task_title(task)} ({found.gaps[task]:+.3f})" for task in ordered])


def _perplexity(board: Board, say: Wording) -> str:
    """Where its perplexity stands in the family, and whether that is less than the two standard errors."""
    mine = board.subject
    family = [model for model in board.family if model.perplexity is not None]
    if mine.perplexity is None or len(family) < 2:
        return ""
    best = min(family, key=lambda model: model.perplexity or 0.0)
    if best is mine:
        return f"Its perplexity, {mine.perplexity:.3f}, is the lowest of the {len(family)} given."
    assert best.perplexity is not None
    more = mine.perplexity / best.perplexity - 1
    errors = (mine.perplexity_stderr, best.perplexity_stderr)
    close = ""
    if None not in errors and mine.perplexity - best.perplexity < sum(filter(None, errors)):
        close = ", less than their standard errors together"
    verb = say("is", "lies", "comes out")
    return (
        f"Its perplexity {verb} {100 * more:.1f} % above that of {best.label} "
        f"({mine.perplexity:.3f} against {best.perplexity:.3f}){close}."
    )


def _speed(board: Board, say: Wording) -> str:
    mine, base = board.subject, board.base
    if not mine.tokens_per_second or base is None or not base.tokens_per_second:
        return ""
    times = mine.tokens_per_second / base.tokens_per_second
    made = say("It generates", "It writes", "It produces")
    return (
        f"{made} {mine.tokens_per_second:.1f} tokens per second, {times:.1f} times as many as {base.label} "
        f"({base.tokens_per_second:.1f})."
    )


def _smaller(board: Board) -> str:
    """The smaller quants with what they cost in perplexity."""
    mine = board.subject
    smaller = [m for m in board.family if m.size_bytes and mine.size_bytes and m.size_bytes < mine.size_bytes]
    told = [_cost(model, mine) for model in smaller if model.perplexity and mine.perplexity]
    if not told:
        return ""
    return f"Smaller siblings: {listed(told)}."


def _cost(model: Model, mine: Model) -> str:
    assert model.perplexity is not None
    assert mine.perplexity is not None
    change = 100 * (model.perplexity / mine.perplexity - 1)
    shown = "the same perplexity" if abs(change) < 0.05 else f"perplexity {change:+.1f} %"
    return f"{model.label} ({model.size or size(model.size_bytes)}, {shown})"


def _noise(tallies: list[Tally]) -> str:
    if not tallies:
        return ""
    return (
        "These scores were published without standard errors, so nobody can tell from them which differences "
        "are more than noise."
    )
