"""What reading something hostile may cost: a second of processor time and a hundred megabytes."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

from bot.errors import BotError

SECONDS = 1.0
BYTES = 100_000_000


def bounded(read: Callable[[], object], *refusals: type[Exception]) -> object:
    """What `read` gives, or the refusal it raises: a BotError or one of `refusals`; anything else is a crash.

    It is called three times: twice against the clock, whose better time counts (the machine has other work),
    once with its memory counted, which is slow.
    """
    took = []
    for _ in range(2):
        started = time.process_time()
        found = _answer(read, refusals)
        took.append(time.process_time() - started)
        if took[-1] < SECONDS:
            break
    tracemalloc.start()
    try:
        _answer(read, refusals)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert min(took) < SECONDS, f"it took {min(took):.1f} s"
    assert peak < BYTES, f"it took {peak / 1e6:.0f} MB"
    return found


def _answer(read: Callable[[], object], refusals: tuple[type[Exception], ...]) -> object:
    try:
        return read()
    except Exception as refusal:
        if not isinstance(refusal, (BotError, *refusals)):
            raise
        found = refusal
    assert len(str(found)) < 1000, "a refusal is a sentence"
    return found
