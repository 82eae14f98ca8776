"""Regular expressions from people's files: refused when they are none, or take too long to look.

Python's `re` goes back and tries again where parts of a pattern can share a text among them in many ways:
`(a+)+$` takes twice as long with each letter. That cannot be read off a pattern safely, so it is tried, on
texts that grow letter by letter: one letter more never makes a hopeless search of a quick one.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterator

LONGEST = 1000
"""Characters. Recipes made from an FP8 release, which name modules one by one, have some 300."""

TEXT = 100
"""Characters of the longest text tried; module paths have some 70."""

SECONDS, SECONDS_IN_ALL = 0.01, 0.5
"""Of this thread's own time: for one text, and for the thousand tried. Honest patterns take millionths."""

_PATHS = (
    "model.layers.17.self_attn.q_a_proj.",
    "language_model.model.layers.17.feed_forward.experts.switch_mlp.gate_up_proj.",
)
_END = "\n!"
"""Behind each text: what a pattern asks for at its end is never found, whatever `.` and `$` take."""

_NEVER = "|(?!)"
"""Behind the pattern: `re` does not search in texts shorter than a pattern's least, but now that is 0."""

_LETTERS = re.compile(r"[A-Za-z0-9]")


@functools.cache
def mistake(pattern: str) -> str | None:
    """What is wrong with a pattern and what to do, or None."""
    if len(pattern) > LONGEST:
        return f"the pattern has {len(pattern)} characters; write at most {LONGEST}, or two rules"
    if not pattern.isprintable():
        return "the pattern holds a character that cannot be seen, and no module's name does; take it out"
    shown = repr(pattern if len(pattern) <= 60 else f"{pattern[:57]}...")
    try:
        re.compile(pattern)
        if not _slow(re.compile(pattern + _NEVER), _texts(pattern)):
            return None
    except (re.error, OverflowError) as error:
        return f"{shown} is no regular expression ({error}); put a \\ before each ( [ . + * that is meant"
    except RecursionError:
        return f"{shown} is nested too deeply; write two rules"
    return f"{shown} can take forever on a long name; leave out a * or + beside or inside another"


def _slow(pattern: re.Pattern[str], texts: Iterator[str]) -> bool:
    begun = time.thread_time()
    for text in texts:
        before = time.thread_time()
        pattern.search(text)
        now = time.thread_time()
        if now - before > SECONDS or now - begun > SECONDS_IN_ALL:
            return True
    return False


def _texts(pattern: str) -> Iterator[str]:
    """Paths as models have them, and runs of what the pattern itself speaks of, each grown by letters."""
    letters = dict.fromkeys(_LETTERS.findall(pattern))
    for run in (*_PATHS, "a", "0", ".", "_", "a.", *list(letters)[:20]):
        whole = (run * TEXT)[:TEXT]
        yield from (whole[:length] + _END for length in range(1, TEXT + 1))
