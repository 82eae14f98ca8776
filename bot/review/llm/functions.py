"""The functions that a review's expressions may call: each looks a fact up and gives it as finished text.

Models are named as the board names them, or by their label; `this` is this quant. Tasks by lm-eval's
name or as people write them. A fact that is not known is Unknown, never a guess. Pure.
"""

from __future__ import annotations

import inspect
import statistics
from collections.abc import Callable
from typing import TypeVar

from bot.card import numbers
from bot.card.board import Board, Model, Score, Widths
from bot.card.score_tables.shown import gap
from bot.card.score_tables.summary import Tally, points, tally
from bot.card.task_names import task_named as task_spelled
from bot.errors import ConfigError
from bot.records import Record
from bot.review.macs import smallest_mac

T = TypeVar("T")

THIS = "this"


class Unknown(ConfigError):  # noqa: N818  it says what happened
    """An expression asks for what the facts do not hold; the message goes back to the model."""


class Function(Record, frozen=True, kw_only=True):
    """One function as the prompt shows it."""

    call: str
    does: str


def model_named(board: Board, name: str) -> Model | None:
    """The model of that name or label, `this` being the quant itself."""
    return board.subject if name == THIS else board.find(name)


def task_named(board: Board, name: str) -> str | None:
    """lm-eval's name of a task of the board, from that name or from how people write it."""
    titles = {numbers.task_title(task).casefold(): task for task in board.tasks}
    found = name if name in board.tasks else titles.get(name.casefold()) or task_spelled(name)
    return found if found in board.tasks else None


class Vocabulary:
    """The functions over one board. Public methods are what an expression may call, and nothing else.

    The first line of each docstring is what the prompt says of it.
    """

    def __init__(self, board: Board) -> None:
        self._board = board

    def score(self, model: str, task: str) -> str:
        """the accuracy of a model on a task, such as 0.441"""
        return f"{self._score(self._model(model), self._task(task)):.3f}"

    def difference(self, model: str, other: str, task: str) -> str:
        """the first model's score less the other's, signed, such as +0.020"""
        return numbers.difference(self._gap(model, other, task))

    def points(self, model: str, other: str, task: str) -> str:
        """the same difference in points, such as +2.0 points"""
        return points(self._gap(model, other, task))

    def percent(self, model: str, other: str, task: str) -> str:
        """the same difference as a share of the other's score, such as +4.5 %"""
        there = self._score(self._model(other), self._task(task))
        if there == 0:
            raise Unknown(f"{other} has a score of zero on {task}: no share of it can be given")
        return numbers.percent(self._gap(model, other, task) / there)

    def wins(self, model: str, other: str) -> str:
        """on how many tasks the first model is higher, such as 5"""
        return str(len(self._tally(model, other).wins))

    def losses(self, model: str, other: str) -> str:
        """on how many tasks it is lower"""
        return str(len(self._tally(model, other).losses))

    def ties(self, model: str, other: str) -> str:
        """on how many tasks both have the same score"""
        return str(len(self._tally(model, other).ties))

    def compared(self, model: str, other: str) -> str:
        """on how many tasks both have a score"""
        return str(len(self._tally(model, other).gaps))

    def best(self, model: str, other: str) -> str:
        """the task on which the first model gains most, with the difference, such as BoolQ (+0.030)"""
        found = self._tally(model, other)
        return self._extreme(found, found.best, f"{model} is higher than {other} on no task")

    def worst(self, model: str, other: str) -> str:
        """the task on which it loses most, with the difference"""
        found = self._tally(model, other)
        return self._extreme(found, found.worst, f"{model} is lower than {other} on no task")

    def average(self, model: str) -> str:
        """the mean of a model's scores over all tasks of the board, such as 0.554"""
        found = self._model(model)
        asked = [task for task in self._board.tasks if task not in self._board.silent]
        if not asked or any(task not in found.scores for task in asked):
            raise Unknown(f"{model} does not have a score on every task, so no average is comparable")
        return f"{statistics.fmean(found.scores[task].value for task in asked):.3f}"

    def average_difference(self, model: str, other: str) -> str:
        """the mean difference in points over the tasks that both have, such as +1.2 points"""
        mean = self._tally(model, other).mean
        if mean is None:
            raise Unknown(f"{model} and {other} have no task in common")
        return points(mean)

    def leader(self, task: str) -> str:
        """the name of the model with the highest score on a task"""
        known = self._task(task)
        if known in self._board.silent:
            raise Unknown(f"{task} says nothing about these models")
        scored = [model for model in self._board.models if known in model.scores]
        best = max(model.scores[known].value for model in scored)
        leaders = [model.label for model in scored if model.scores[known].value == best]
        if len(leaders) > 1:
            raise Unknown(f"on {task} {numbers.listed(leaders)} share the highest score")
        return leaders[0]

    def perplexity(self, model: str) -> str:
        """a model's perplexity with its standard error, such as 4.789 ± 0.038; lower is better"""
        found = self._model(model)
        return numbers.perplexity(
            Score(value=_known(found.perplexity, f"a perplexity of {model}"), stderr=found.perplexity_stderr)
        )

    def perplexity_change(self, model: str, other: str) -> str:
        """how much higher (+) or lower (-) the first model's perplexity is, such as -0.5 %"""
        return self._change("perplexity", model, other)

    def kl(self, model: str) -> str:
        """a model's mean KL divergence from the base in nats a token, such as 0.0047"""
        return numbers.significant(_known(self._model(model).kl, f"a KL divergence of {model}"))

    def speed(self, model: str) -> str:
        """tokens per second when it generates, such as 193.0 tokens per second"""
        found = _known(self._model(model).tokens_per_second, f"a speed of {model}")
        return f"{numbers.tokens_per_second(found)} tokens per second"

    def size(self, model: str) -> str:
        """what a model takes on disk, such as 8.3 GiB"""
        found = self._model(model)
        return numbers.size(_known(found.size_bytes, f"a size of {model}"))

    def size_change(self, model: str, other: str) -> str:
        """how much larger (+) or smaller (-) the first model is, such as -21.0 %"""
        return self._change("size_bytes", model, other)

    def mac(self, model: str) -> str:
        """the memory of the smallest Mac that it fits, such as 32 GB"""
        found = smallest_mac(_known(self._model(model).size_bytes, f"a size of {model}"))
        return f"{_known(found, f'a single Mac that holds {model}')} GB"

    def bits_per_weight(self, model: str) -> str:
        """the bits per weight of a model, such as 6.53"""
        return numbers.bits(_known(self._model(model).bits_per_weight, f"the bits per weight of {model}"))

    def head_bits(self, model: str) -> str:
        """the bits of head and attention, as the recipe's name says them, such as 8"""
        return str(self._widths(model).head)

    def data_bits(self, model: str) -> str:
        """the bits of the data (most weights), as the recipe's name says them, such as 6"""
        return str(self._widths(model).data)

    def group_size(self, model: str) -> str:
        """the weights in a group, as the recipe's name says them, such as 32"""
        return str(_known(self._widths(model).group_size, f"a group size of {model}"))

    def tasks(self) -> str:
        """how many tasks there are"""
        return str(len(self._board.tasks))

    def models(self) -> str:
        """how many models there are"""
        return str(len(self._board.models))

    def _model(self, name: str) -> Model:
        if (found := model_named(self._board, name)) is None:
            names = ", ".join([THIS, *(model.name for model in self._board.models)][:30])
            raise Unknown(f"there is no model {name!r}; there are {names}")
        return found

    def _task(self, name: str) -> str:
        if (known := task_named(self._board, name)) is None:
            raise Unknown(f"there is no task {name!r}; there are {', '.join(self._board.tasks) or 'none'}")
        return known

    def _score(self, model: Model, task: str) -> float:
        score = model.scores.get(task)
        return _known(score.value if score else None, f"a score of {model.label} on {task}")

    def _gap(self, model: str, other: str, task: str) -> float:
        found = gap(self._model(model), self._model(other), self._task(task))
        return _known(found, f"a comparable score of {model} and {other} on {task}")

    def _tally(self, model: str, other: str) -> Tally:
        found = tally(self._board, self._model(model), self._model(other))
        if not found.gaps:
            raise Unknown(f"{model} and {other} have no task in common")
        return found

    def _extreme(self, found: Tally, task: str | None, otherwise: str) -> str:
        if task is None:
            raise Unknown(otherwise)
        return f"{numbers.task_title(task)} ({numbers.difference(found.gaps[task])})"

    def _change(self, field: str, model: str, other: str) -> str:
        what = {"perplexity": "a perplexity", "size_bytes": "a size"}[field]
        mine: float = _known(getattr(self._model(model), field), f"{what} of {model}")
        there: float = _known(getattr(self._model(other), field), f"{what} of {other}")
        if not there:
            raise Unknown(f"{what} of {other} is given as zero: say nothing about it")
        return numbers.percent(mine / there - 1)

    def _widths(self, model: str) -> Widths:
        return _known(self._model(model).widths, f"a recipe in the name of {model}")


def _known(value: T | None, what: str) -> T:
    if value is None:
        raise Unknown(f"{what} is not known: say nothing about it")
    return value


def functions(board: Board) -> dict[str, Callable[..., str]]:
    """By their names, in the order in which the prompt shows them."""
    known = Vocabulary(board)
    return {name: getattr(known, name) for name in vars(Vocabulary) if not name.startswith("_")}


def described() -> tuple[Function, ...]:
    """What each takes and gives, for the prompt."""
    found = []
    for name, function in vars(Vocabulary).items():
        if not name.startswith("_"):
            taken = [p for p in inspect.signature(function).parameters if p != "self"]
            found.append(Function(call=f"{name}({', '.join(taken)})", does=inspect.getdoc(function) or ""))
    return tuple(found)
