"""The store of finished measurements: what was measured once is never measured again.

    <store>/<model identity>/<what>-<key>.json             a score, a perplexity, a speed
    <store>/<model identity>/<what>-<key>.outcomes.gz      per-question outcomes, JSON lines

The key is a hash of all that the number depends on, so a changed request is never
answered by an old result.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bot.records import Computation, Divergence, Perplexity, Record, Speed, TaskScore

IDENTITY_LENGTH = 32
KEY_LENGTH = 16
LARGEST_OUTCOMES = 24 << 20
"""Bytes, unpacked; the ten thousand questions of HellaSwag have some two million."""


class Outcome(Record, frozen=True, kw_only=True):
    """One question on one model. Positions count from 0; `loglikelihoods` in nats, one a choice.

    Without choices there is no `answer` by position, but a `text`; of several right choices none is `right`.
    """

    question: int
    question_hash: str
    correct: bool
    answer: int | None = None
    right: int | None = None
    loglikelihoods: tuple[float, ...] = ()
    text: str = ""


Outcomes = Mapping[str, tuple[Outcome, ...]]
"""Per-question outcomes of one model, each task's under the name that its `TaskScore.outcomes` gives."""


class Finished(Record, frozen=True, kw_only=True):
    """One finished measurement: a score, a perplexity (with divergence), or a speed (with peak memory)."""

    compute_dtype: str
    chat_template_sha256: str | None
    measured_at: str
    seconds: float
    score: TaskScore | None = None
    perplexity: Perplexity | None = None
    divergence: Divergence | None = None
    computation: Computation | None = None
    speed: Speed | None = None
    speed_withheld: str | None = None
    peak_memory_bytes: int = 0


class Place(Record, frozen=True, kw_only=True):
    """Where one finished measurement is kept, relative to the store."""

    name: str

    @property
    def outcomes(self) -> str:
        return self.name.removesuffix(".json") + ".outcomes.gz"


def place(identity: str, what: str, depends_on: dict[str, Any]) -> Place:
    """The place of the measurement `what` of the model `identity`, made of all that it depends on."""
    key = hashlib.sha256(msgspec.json.encode(depends_on, order="deterministic")).hexdigest()
    return Place(name=f"{identity[:IDENTITY_LENGTH]}/{what}-{key[:KEY_LENGTH]}.json")


def load(store: Path, at: Place) -> Finished | None:
    """What is kept there, or None when nothing readable is."""
    try:
        return msgspec.json.decode((store / at.name).read_bytes(), type=Finished)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def save(store: Path, at: Place, finished: Finished) -> None:
    """Keep a measurement. A process killed in the middle leaves the former state."""
    _write(store / at.name, msgspec.json.encode(finished))


def save_outcomes(store: Path, at: Place, outcomes: Iterable[Outcome]) -> None:
    """Keep per-question outcomes beside a task's score. The same outcomes give the same bytes."""
    lines = b"".join(msgspec.json.encode(outcome) + b"\n" for outcome in outcomes)
    _write(store / at.outcomes, gzip.compress(lines, mtime=0))


def load_outcomes(path: Path) -> tuple[Outcome, ...]:
    """The outcomes of one task on one model (`TaskScore.outcomes` names the file, below the store)."""
    return decode_outcomes(path.read_bytes())


def decode_outcomes(data: bytes) -> tuple[Outcome, ...]:
    """What anybody's file of outcomes holds. Raises ValueError where it is none, or unpacks to too much."""
    try:
        with gzip.open(io.BytesIO(data)) as file:
            lines = _at_most(file, LARGEST_OUTCOMES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"is no gzip file: {error}") from error
    if len(lines) > LARGEST_OUTCOMES:
        raise ValueError(f"unpacks to more than {LARGEST_OUTCOMES} bytes")
    return tuple(msgspec.json.decode(line, type=Outcome) for line in io.BytesIO(lines))


def _at_most(file: gzip.GzipFile, size: int) -> bytes:
    """The first `size` bytes, taken a piece at a time: a short file needs no large buffer."""
    pieces = []
    while size > 0 and (piece := file.read(min(size, 1 << 20))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
