"""Child processes: one request, one answer, whatever becomes of the child."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from bot import child
from bot.child import Progress
from bot.errors import BotError, Cancelled, ChildDied, HostError, NeedsPerson
from tests.children import Ask, Said

CHILD = "tests.children"


def test_the_answer_comes_back_and_prints_go_to_the_log(tmp_path: Path) -> None:
    """A result and progress cross the boundary; what libraries print cannot disturb them."""
    told: list[Progress] = []

    said = child.run(CHILD, Ask(do="echo", text="±"), Said, log=tmp_path / "log.txt", on_progress=told.append)

    assert said.text == "±"
    assert [progress.what for progress in told] == ["echo"]
    assert "a library prints" in (tmp_path / "log.txt").read_text()


def test_a_childs_refusal_keeps_its_class_and_words(tmp_path: Path) -> None:
    """A BotError raised in the child is the same BotError in the parent."""
    with pytest.raises(NeedsPerson, match=r"^it is gated$"):
        child.run(CHILD, Ask(do="refuse", text="it is gated"), Said, log=tmp_path / "log.txt")


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    """An OSError names what failed, where, and the way out."""
    with pytest.raises(HostError, match=r"No space left on device \(/somewhere/model.safetensors\): free"):
        child.run(CHILD, Ask(do="disk full"), Said, log=tmp_path / "log.txt")


def test_a_mistake_of_ours_is_in_the_log_and_not_on_the_terminal(tmp_path: Path) -> None:
    """An unexpected exception is named with the log that holds its traceback, and is not tried again."""
    with pytest.raises(BotError, match=r"unexpected KeyError \(.*log.txt tells more\)"):
        child.run(CHILD, Ask(do="mistake"), Said, log=tmp_path / "log.txt")
    assert (tmp_path / "log.txt").read_text().count("Traceback") == 1


def test_an_abort_is_tried_once_more_and_no_oftener(tmp_path: Path) -> None:
    """One abort is forgiven; two park the run with the signal's name."""
    once = Ask(do="abort once", text="done", marker=str(tmp_path / "aborted"))
    assert child.run(CHILD, once, Said, log=tmp_path / "log.txt").text == "done"

    with pytest.raises(ChildDied, match=r"twice.*SIGABRT; signal SIGABRT.*bot retry"):
        child.run(CHILD, Ask(do="abort", marker=str(tmp_path / "again")), Said, log=tmp_path / "log.txt")


def test_cancelling_ends_the_child(tmp_path: Path) -> None:
    """A child that hangs is gone within seconds of being cancelled."""
    started = time.monotonic()
    with pytest.raises(Cancelled):
        child.run(
            CHILD,
            Ask(do="hang"),
            Said,
            log=tmp_path / "log.txt",
            cancelled=lambda: time.monotonic() - started > 1,
        )
    assert time.monotonic() - started < 15
    mine = [p for p in psutil.Process().children(recursive=True) if CHILD in p.cmdline()]
    assert mine == []
