"""What can be compared between two models of a board: tasks, their mean, perplexity, size, speed, weights."""

from __future__ import annotations

from bot.card.board import Board, Model
from bot.card.numbers import task_title
from bot.records import Record
from bot.review.claims.thresholds import HIGH_SHARE

MEAN, PERPLEXITY, KL, SIZE, SPEED, PARAMETERS, BITS = (
    "mean", "perplexity", "kl", "size", "speed", "parameters", "bits per weight",
)  # fmt: skip
MEAN_OF = "mean of "
"""Before the tasks (`|` between them) whose mean alone is meant."""

LOWER_IS_BETTER = frozenset((PERPLEXITY, KL, SIZE, PARAMETERS, BITS))
_PLACES = {PERPLEXITY: 3, KL: 4, SPEED: 1, BITS: 2}


class Gap(Record, frozen=True, kw_only=True):
    """Two models on one metric. `mine - theirs` is `delta`, None where either is not known."""

    metric: str
    mine: float | None
    theirs: float | None
    noise: float | None = None

    @property
    def delta(self) -> float | None:
        if self.mine is None or self.theirs is None:
            return None
        return round(self.mine - self.theirs, 9)

    @property
    def better(self) -> float | None:
        """The difference with the sign that says whether mine is the better one."""
        if self.delta is None:
            return None
        return -self.delta if self.metric in LOWER_IS_BETTER else self.delta

    def told(self, mine: Model, theirs: Model) -> str:
        """The arithmetic in words."""
        name = title(self.metric)
        if self.delta is None or self.mine is None or self.theirs is None:
            lacking = mine if self.mine is None else theirs
            return f"no {name} of {lacking.label} is known"
        values = f"{shown(self.metric, self.mine)} against {shown(self.metric, self.theirs)}"
        if self.metric in (SIZE, PARAMETERS):
            share = self.mine / self.theirs - 1 if self.theirs else 0.0
            return f"{name}: {mine.label} {values} of {theirs.label} ({100 * share:+.1f} %)"
        text = f"{name}: {mine.label} {values} of {theirs.label} ({signed(self.metric, self.delta)})"
        if self.noise and abs(self.delta) < 2 * self.noise:
            text += ", less than two standard errors"
        return text


def title(metric: str) -> str:
    """The metric as people write it."""
    if metric.startswith(MEAN_OF):
        return MEAN_OF + " and ".join(task_title(task) for task in metric.removeprefix(MEAN_OF).split("|"))
    return "mean score" if metric == MEAN else task_title(metric)


def places(metric: str) -> int:
    return _PLACES.get(metric, 4 if metric.startswith(MEAN) else 3)


def shown(metric: str, value: float) -> str:
    """A value with the digits that its metric is printed with."""
    if metric == SIZE:
        return f"{value / 2**30:.2f} GiB"
    if metric == PARAMETERS:
        return f"{value / 1e9:.2f}B"
    return f"{value:.{places(metric)}f}"


def signed(metric: str, value: float) -> str:
    text = f"{value:+.{places(metric)}f}"
    return text if float(text) else f"\u00b1{text[1:]}"


class Scale:
    """A board, asked for values. Means are over the tasks that both models have, without silent ones."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.counts: dict[object, object] = {}
        self._gaps: dict[tuple[str, str, str], Gap] = {}
        self.scored = tuple(model for model in board.models if model.scores)

    @property
    def tasks(self) -> tuple[str, ...]:
        return self.board.tasks

    def shared(self, mine: Model, theirs: Model) -> tuple[str, ...]:
        """The tasks that both have, in the board's order."""
        return tuple(task for task in self.tasks if task in mine.scores and task in theirs.scores)

    def value(self, model: Model, metric: str, among: tuple[str, ...] = ()) -> float | None:
        """The value of one model; the mean is taken over `among`, or over all of its tasks."""
        if metric.startswith(MEAN_OF):
            some = metric.removeprefix(MEAN_OF).split("|")
            values = [model.scores[task].value for task in some if task in model.scores]
            return sum(values) / len(some) if len(values) == len(some) else None
        if metric == MEAN:
            tasks = among or tuple(task for task in self.tasks if task in model.scores)
            found = [model.scores[task].value for task in tasks if task in model.scores]
            return sum(found) / len(found) if found else None
        if metric == SIZE:
            return float(model.size_bytes) if model.size_bytes else None
        single: dict[str, float | None] = {
            PERPLEXITY: model.perplexity,
            KL: model.kl,
            SPEED: model.tokens_per_second,
            PARAMETERS: model.parameters,
            BITS: model.bits_per_weight,
        }
        if metric in single:
            return single[metric]
        score = model.scores.get(metric)
        return score.value if score else None

    def gap(self, mine: Model, theirs: Model, metric: str) -> Gap:
        """The two on one metric. A board is asked the same again and again, so what was found is kept."""
        key = (mine.name, theirs.name, metric)
        if key not in self._gaps:
            self._gaps[key] = self._gap(mine, theirs, metric)
        return self._gaps[key]

    def _gap(self, mine: Model, theirs: Model, metric: str) -> Gap:
        if metric == PARAMETERS and same_weights(mine, theirs):
            known = mine.parameters or theirs.parameters or 1e9
            return Gap(metric=metric, mine=known, theirs=known)
        if metric == SIZE and not (mine.size_bytes and theirs.size_bytes):
            return _estimated(mine, theirs)
        among = self.shared(mine, theirs) if metric == MEAN else ()
        if metric == MEAN and not among:
            return Gap(metric=metric, mine=None, theirs=None)
        return Gap(
            metric=metric,
            mine=self.value(mine, metric, among),
            theirs=self.value(theirs, metric, among),
            noise=_noise(mine, theirs, metric),
        )


def same_weights(mine: Model, theirs: Model) -> bool:
    """Quants of one base, and the base: quantizing changes bytes, never the number of parameters."""
    return mine.role != "rival" and theirs.role != "rival"


def _noise(mine: Model, theirs: Model, metric: str) -> float | None:
    pairs = [model.scores[metric].stderr for model in (mine, theirs) if metric in model.scores]
    if metric == PERPLEXITY:
        pairs = [mine.perplexity_stderr, theirs.perplexity_stderr]
    known = [each for each in pairs if each]
    return sum(each**2 for each in known) ** 0.5 if len(known) == 2 else None


def _estimated(mine: Model, theirs: Model) -> Gap:
    """Sizes by parameters and bits, where they do not overlap; else unknown."""
    first, second = _bytes(mine), _bytes(theirs)
    if first and second and (first[1] < second[0] or first[0] > second[1]):
        return Gap(metric=SIZE, mine=sum(first) / 2, theirs=sum(second) / 2)
    return Gap(metric=SIZE, mine=None, theirs=None)


def _bytes(model: Model) -> tuple[float, float] | None:
    """The least and the most bytes that parameters and bits allow."""
    if model.size_bytes:
        return float(model.size_bytes), float(model.size_bytes)
    bits = model.widths
    if bits is None or not model.parameters:
        return None
    most = bits.data + HIGH_SHARE * max(0, bits.head - bits.data)
    return model.parameters * bits.data / 8, model.parameters * most / 8
