"""A child program for the tests of `bot.child`: it does what its request says."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bot.child import Progress, Report, serve
from bot.errors import NeedsPerson
from bot.records import Record


class Ask(Record, frozen=True, kw_only=True):
    do: str
    text: str = ""
    marker: str = ""


class Said(Record, frozen=True, kw_only=True):
    text: str
    pid: int


def handle(ask: Ask, report: Report) -> Said:
    report(Progress(stage="test", what=ask.do, done=1, total=2))
    print("a library prints to standard output")
    if ask.do == "refuse":
        raise NeedsPerson(ask.text)
    if ask.do == "mistake":
        raise KeyError(ask.text)
    if ask.do == "disk full":
        raise OSError(28, "No space left on device", "/somewhere/model.safetensors")
    if ask.do == "abort" or (ask.do == "abort once" and not Path(ask.marker).exists()):
        Path(ask.marker).touch()
        os.abort()
    if ask.do == "hang":
        time.sleep(600)
    return Said(text=ask.text, pid=os.getpid())


if __name__ == "__main__":
    serve(handle, Ask)
