"""All models a card speaks of, side by side: the one view of facts that everything else reads.

    Facts -> board -> tables, pictures, the computed sentences, the claim checker

Reported and measured numbers look alike here; what only a measurement has (standard error, number of
questions, metric) is None for a score that was only reported. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from bot.card.facts import Facts, ReportedQuant
from bot.errors import ConfigError
from bot.records import Measurement, Record, TaskScore
from bot.review.compare import silent_tasks

Role = Literal["subject", "base", "sibling", "rival"]
TASKS = ("arc_challenge", "arc_easy", "boolq", "hellaswag", "openbookqa", "piqa", "winogrande")
"""The order in which cards show the seven tasks; others come after them."""

FLOATS = ("bf16", "fp16", "f16", "fp32", "f32", "full-precision", "full precision", "base")
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?", re.IGNORECASE)
_PARAMETERS = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)\s*([BM])(?![A-Za-z0-9])", re.IGNORECASE)
_WIDTHS = re.compile(
    r"(?<![A-Za-z0-9])(?:qx(?P<head>\d)(?P<data>\d)[gn]?x?|q(?P<all>\d)|(?P<mx>mxfp|nvfp)(?P<fp>\d)"
    r"|(?P<bf>bf16))(?P<hi>-hi)?(?![A-Za-z0-9])"
)


class Widths(Record, frozen=True, kw_only=True):
    """What a recipe's name says: bits of head and attention, bits of the data, weights in a group."""

    head: int
    data: int
    group_size: int | None


class Score(Record, frozen=True, kw_only=True):
    """One model on one task. `derived`: computed from published differences."""

    value: float
    stderr: float | None = None
    n: int | None = None
    metric: str | None = None
    derived: bool = False


class Model(Record, frozen=True, kw_only=True):
    """One model of the card. `name` is its key on the board, `label` what it is called in a table.

    Sizes are in bytes; `size` is as it was reported. `kl` is the mean divergence from the base in nats a
    token. `parameters` is a number of weights, as far as the name or the Hub tells it.
    """

    name: str
    role: Role
    label: str
    repo: str | None = None
    recipe: str | None = None
    scores: dict[str, Score] = msgspec.field(default_factory=dict)
    perplexity: float | None = None
    perplexity_stderr: float | None = None
    kl: float | None = None
    kl_stderr: float | None = None
    tokens_per_second: float | None = None
    chip: str | None = None
    size_bytes: int | None = None
    size: str | None = None
    bits_per_weight: float | None = None
    parameters: float | None = None
    measurement: Measurement | None = None

    @property
    def widths(self) -> Widths | None:
        """Bits and group size as the recipe's name says them; None where no recipe is named."""
        return widths(self.recipe or self.name)


class Board(Record, frozen=True, kw_only=True):
    """The models of one card, the subject first. `tasks`: all that any has; `order`: of the facts' list.

    `silent` are the tasks that say nothing here: shown with their scores, never counted.
    """

    card: str
    models: tuple[Model, ...]
    tasks: tuple[str, ...]
    order: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def in_order(self) -> tuple[Model, ...]:
        """The models in the order in which the facts list them."""
        return tuple(self.model(name) for name in self.order) if self.order else self.models

    @property
    def subject(self) -> Model:
        return self.models[0]

    @property
    def others(self) -> tuple[Model, ...]:
        return self.models[1:]

    @property
    def base(self) -> Model | None:
        """The unquantized base, where anything is known of it."""
        return next((model for model in self.models if model.role == "base"), None)

    @property
    def family(self) -> tuple[Model, ...]:
        """The subject, its siblings and the base: smallest first, last what has no known size."""
        own = [model for model in self.models if model.role != "rival"]
        return tuple(sorted(own, key=lambda m: (m.size_bytes is None, m.size_bytes or 0, m.name)))

    def find(self, name: str) -> Model | None:
        """The model of that name or label."""
        named = (model for model in self.models if name in (model.name, model.label))
        return next(named, None)

    def model(self, name: str) -> Model:
        """The same. Raises ConfigError for a name that no model has."""
        if (found := self.find(name)) is None:
            known = ", ".join(model.name for model in self.models)
            raise ConfigError(f"{self.card}: a table names {name!r}, which has no facts: there are {known}")
        return found


def board(facts: Facts) -> Board:
    """The models of these facts. Raises ConfigError where reported and measured scores contradict."""
    measured = {model.name: model for model in _measured(facts)}
    reported = {model.name: model for model in _reported(facts)}
    for name in measured.keys() & reported.keys():
        _same(facts, measured[name], reported[name])
    models = {**reported, **measured}
    subject, known = models.pop(subject_name(facts)), facts.measured
    tasks = {task for model in (subject, *models.values()) for task in model.scores}
    return Board(
        card=facts.card,
        models=(subject, *models.values()),
        tasks=(*(task for task in TASKS if task in tasks), *sorted(tasks - set(TASKS))),
        order=_order(facts, (subject, *models.values())),
        silent=tuple(silent_tasks(known.measurement, known.base_measurement)) if known else (),
    )


def _order(facts: Facts, models: tuple[Model, ...]) -> tuple[str, ...]:
    """As the list of quants has them; models measured here by size, largest first."""
    listed = [quant.quant for quant in facts.quants]
    rest = sorted((m for m in models if m.name not in listed), key=lambda m: -(m.size_bytes or 0))
    return (*listed, *(model.name for model in rest))


def subject_name(facts: Facts) -> str:
    """The name under which the facts hold this quant itself."""
    named = (*facts.scores, *(quant.quant for quant in facts.quants))
    own = (facts.subject, facts.recipe, facts.card, facts.card.removesuffix("-mlx"))
    return facts.subject or next((name for name in own if name in named), facts.recipe)


def widths(name: str) -> Widths | None:
    """`qx86-hi`, or a model's name that ends so -> 8 and 6 bits in groups of 32."""
    *_, found = (None, *_WIDTHS.finditer(name))  # a name says its recipe last
    if found is None:
        return None
    if found["bf"]:
        return Widths(head=16, data=16, group_size=None)
    if found["fp"]:
        bits = int(found["fp"])
        return Widths(head=bits, data=bits, group_size=16 if found["mx"] == "nvfp" else 32)
    group = 32 if found["hi"] else 64
    return Widths(
        head=int(found["head"] or found["all"]), data=int(found["data"] or found["all"]), group_size=group
    )


def size_bytes(written: str | None) -> int | None:
    """`8.3G` -> bytes, in binary units; None for what is no size."""
    found = _SIZE.fullmatch(written.strip()) if written else None
    return round(float(found[1]) * _UNITS[found[2].upper()]) if found else None


def parameters(written: str | None) -> float | None:
    """The first number of weights in a name or a text: `GLM-4.5-Air 107B` -> 107e9; None without one."""
    found = _PARAMETERS.search(written or "")
    return float(found[1]) * (1e9 if found[2].upper() == "B" else 1e6) if found else None


def _reported(facts: Facts) -> Iterator[Model]:
    quants = {quant.quant: quant for quant in facts.quants}
    subject = subject_name(facts)
    labels = {name: label for table in facts.tables for name, label in table.labels.items()}
    for name in dict.fromkeys((subject, *facts.scores, *quants)):
        role: Role = "subject" if name == subject else _role(facts, name)
        quant = quants.get(name, ReportedQuant(quant=name))
        perplexity = (quant.perplexity, quant.stderr)
        if role == "subject" and facts.perplexity:
            perplexity = (facts.perplexity.value, facts.perplexity.stderr)
        yield Model(
            name=name,
            role=role,
            label=labels.get(name, name),
            repo=_repo(facts, name, role),
            recipe=facts.recipe
            if role == "subject"
            else name
            if widths(name) and role == "sibling"
            else None,
            scores=_scores(facts.scores.get(name, {})),
            perplexity=perplexity[0],
            perplexity_stderr=perplexity[1],
            tokens_per_second=quant.tokens_per_second,
            size=quant.size,
            size_bytes=size_bytes(quant.size),
            parameters=_parameters(facts, name, role),
        )


def _role(facts: Facts, name: str) -> Role:
    """A bare recipe's name is a sibling, a bare float's the base; everything else another model."""
    if name.lower() in FLOATS or name == facts.base_model:
        return "base"
    found = _WIDTHS.fullmatch(name)
    return "sibling" if found or any(quant.quant == name for quant in facts.quants) else "rival"


def _repo(facts: Facts, name: str, role: Role) -> str | None:
    """By the convention `<Base>-<recipe>-mlx` in the same account; the base is the base."""
    if role == "subject":
        return facts.repo
    if role == "base" and name != "bf16":
        return facts.base_model
    if role == "rival" or facts.repo is None:
        return None
    owner, _, _ = facts.repo.partition("/")
    return f"{owner}/{facts.base_model.rsplit('/', 1)[-1]}-{name}-mlx"


def _scores(found: dict[str, float | bool | None]) -> dict[str, Score]:
    derived = found.get("derived") is True
    return {
        task: Score(value=float(value), derived=derived)
        for task, value in found.items()
        if value is not None and not isinstance(value, bool)
    }


def _parameters(facts: Facts, name: str, role: Role) -> float | None:
    if role == "rival":
        return parameters(name)
    told = facts.hub.model_size if facts.hub else None
    return parameters(told) or parameters(facts.card)


def _measured(facts: Facts) -> Iterator[Model]:
    found = facts.measured
    if found is None:
        return
    yield _of(facts, subject_name(facts), "subject", facts.repo, facts.recipe, found.measurement)
    for sibling in found.siblings:
        rival = sibling.recipe == sibling.repo
        role: Role = "rival" if rival else "sibling"
        recipe = None if rival else sibling.recipe
        yield _of(facts, sibling.recipe, role, sibling.repo, recipe, sibling.measurement)
    if found.base_measurement is not None:
        yield _of(facts, "base", "base", found.base.repo, None, found.base_measurement)
    else:
        yield Model(
            name="base", role="base", label="base", repo=found.base.repo, size_bytes=found.base_bytes or None
        )


def _of(
    facts: Facts, name: str, role: Role, repo: str | None, recipe: str | None, found: Measurement
) -> Model:
    perplexity, divergence, speed = found.perplexity, found.divergence, found.speed
    return Model(
        name=name,
        role=role,
        label=name,
        repo=repo,
        recipe=recipe,
        scores={score.task: _score(score) for score in found.tasks},
        perplexity=perplexity.value if perplexity else None,
        perplexity_stderr=perplexity.stderr if perplexity else None,
        kl=divergence.mean if divergence else None,
        kl_stderr=divergence.stderr if divergence else None,
        tokens_per_second=speed.generation_tps if speed else None,
        chip=chip(found.device) if speed else None,
        size_bytes=found.size_bytes or None,
        bits_per_weight=found.bits_per_weight,
        parameters=facts.measured.parameters if facts.measured and role != "rival" else None,
        measurement=found,
    )


def chip(device: str) -> str:
    """The chip's name out of a device description, which begins with it."""
    name = device.split(",", 1)[0].strip()
    return f"{name}, CPU" if "MLX on cpu" in device else name


def _score(found: TaskScore) -> Score:
    return Score(value=found.value, stderr=found.stderr, n=found.n, metric=found.metric)


def _same(facts: Facts, measured: Model, reported: Model) -> None:
    """What is reported may be rounded to three digits, nothing more."""
    for task, score in reported.scores.items():
        there = measured.scores.get(task)
        if there is None or abs(there.value - score.value) > 0.0005 + 1e-9:
            was = f"{there.value:.4f} was measured" if there else "it was not measured"
            raise ConfigError(
                f"{facts.card}: scores say {score.value} for {measured.name} on {task}, but {was}: leave it "
                "out of scores"
            )
