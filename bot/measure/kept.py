"""Answers that were computed once: of each line its log-likelihood, of each sample of text its values.

    <store>/<model identity>/answers.sqlite

A line's key is a hash of its tokens and of how it is computed, so neither another task version nor another
limit asks a model the same thing twice, and a killed process keeps what it had finished.
"""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.measure.engine.lines import Line

Answer = tuple[float, bool]
"""Log-likelihood in nats, and whether greedy decoding would give it."""

Arrays = dict[str, npt.NDArray[np.float64]]


class Kept:
    """The answers of one model computed in one way. `mode` names that way, versions among it.

    Without a path nothing outlives the process.
    """

    def __init__(self, path: Path | None, mode: str) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._mode = mode.encode()
        self._database = sqlite3.connect(path or ":memory:", timeout=60)
        with self._database:
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS lines (key BLOB PRIMARY KEY, value REAL, greedy INTEGER)"
            )
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS texts (key BLOB, name TEXT, data BLOB, PRIMARY KEY (key, name))"
            )

    def answer(self, line: Line) -> Answer | None:
        """What is kept of this line."""
        found = self._database.execute(
            "SELECT value, greedy FROM lines WHERE key = ?", (self._key(line),)
        ).fetchone()
        if found is None:
            return None
        return (math.nan if found[0] is None else float(found[0]), bool(found[1]))  # SQLite has no NaN

    def keep(self, lines: Sequence[Line], answers: Sequence[Answer]) -> None:
        """Keep a pass's answers, all or none of them."""
        with self._database:
            self._database.executemany(
                "INSERT OR REPLACE INTO lines VALUES (?, ?, ?)",
                [
                    (self._key(line), value, int(greedy))
                    for line, (value, greedy) in zip(lines, answers, strict=True)
                ],
            )

    def text(self, key: str) -> Arrays | None:
        """The arrays kept under this key."""
        rows = self._database.execute(
            "SELECT name, data FROM texts WHERE key = ?", (self._text_key(key),)
        ).fetchall()
        return {name: np.frombuffer(data, np.float64) for name, data in rows} or None

    def keep_texts(self, texts: Mapping[str, Arrays]) -> None:
        """Keep the arrays of each key, all or none of them."""
        with self._database:
            self._database.executemany(
                "INSERT OR REPLACE INTO texts VALUES (?, ?, ?)",
                [
                    (self._text_key(key), name, array.tobytes())
                    for key, arrays in texts.items()
                    for name, array in arrays.items()
                ],
            )

    def _key(self, line: Line) -> bytes:
        tokens = np.array(line.tokens, np.int32).tobytes()
        return hashlib.sha256(self._mode + b"\0%d\0" % line.start + tokens).digest()[:16]

    def _text_key(self, key: str) -> bytes:
        return hashlib.sha256(self._mode + b"\0" + key.encode()).digest()[:16]
