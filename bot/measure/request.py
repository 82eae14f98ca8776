"""What the daemon asks of the measuring children, and what it gets. Imports nothing heavy."""

from __future__ import annotations

from bot.records import Measurement, MeasureSettings, Record

PROMPTS = ("hello", "Name three colors of the rainbow.", "What is the capital of France?")
"""The chat prompts of the smoke test."""


class ModelToMeasure(Record, frozen=True, kw_only=True):
    """One folder to measure. The base has no recipe. `size_bytes` is what its files take on disk."""

    name: str
    path: str
    size_bytes: int
    recipe: str | None = None
    bits_per_weight: float | None = None


class MeasureRequest(Record, frozen=True, kw_only=True):
    """A base and its siblings, measured by one process. `store` is the folder of finished results.

    `include_path` are folders of lm-eval task files; a task of theirs is taken before lm-eval's own.
    """

    models: tuple[ModelToMeasure, ...]
    settings: MeasureSettings
    store: str
    include_path: tuple[str, ...] = ()


class NotMeasured(Record, frozen=True, kw_only=True):
    """A quant that gave no usable numbers: the sentence that says why, and the error's class name."""

    name: str
    recipe: str | None
    error: str
    error_kind: str


class Measurements(Record, frozen=True, kw_only=True):
    """`items` in the order of the request; a broken quant stands in `failed` instead."""

    items: tuple[Measurement, ...]
    failed: tuple[NotMeasured, ...] = ()


class PlannedModel(Record, frozen=True, kw_only=True):
    """What would be measured of one model: `kept` already, `to_measure`, and why there will be no speed."""

    name: str
    kept: tuple[str, ...]
    to_measure: tuple[str, ...]
    speed_withheld: str | None = None


class Planned(Record, frozen=True, kw_only=True):
    """What a request would do, its groups of tasks taken apart into `tasks`."""

    tasks: tuple[str, ...]
    models: tuple[PlannedModel, ...]


class AnswersRequest(Record, frozen=True, kw_only=True):
    """A model folder and the chat prompts it shall answer."""

    path: str
    prompts: tuple[str, ...] = PROMPTS
