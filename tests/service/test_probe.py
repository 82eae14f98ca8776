"""The probe that a service manager runs: a folder that opens, a processor that is not throttled."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bot.service import probe
from bot.service.probe import Probed, folder_error, verdict


def test_the_probe_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    """As a manager would start it: it writes and reads the folder, multiplies matrices, leaves an answer."""
    answer = tmp_path / "answer.json"
    home = tmp_path / "new" / "home"
    command = [sys.executable, "-m", "bot.service.probe", str(home), str(answer)]
    assert subprocess.run(command, timeout=120).returncode == 0
    found = probe.read(answer)
    assert found is not None
    assert found.folder_error is None
    assert found.gflops is not None
    assert found.gflops > 0.1
    assert list(home.iterdir()) == []


def test_a_folder_that_hangs_is_told_of_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system waits for somebody to click, the probe does not."""
    asked = threading.Event()
    monkeypatch.setattr(Path, "write_bytes", lambda *_: asked.wait(20))
    assert folder_error(tmp_path, seconds=0.2) == "it did not answer within 0.2 s"
    asked.set()


def test_a_folder_that_refuses_is_told_of(tmp_path: Path) -> None:
    """A file in its place, a disk that is full: the system's own words."""
    (tmp_path / "file").touch()
    assert folder_error(tmp_path / "file") in ("File exists", "Not a directory")
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208  names are enough


FAST = Probed(gflops=2000.0, device="Device(gpu, 0)")


@pytest.mark.parametrize(
    ("shell", "service", "said"),
    [
        (FAST, Probed(gflops=1900.0, device="Device(gpu, 0)"), "computes as this shell does (1,900 GFLOP/s"),
        (FAST, Probed(gflops=250.0, device="Device(gpu, 0)"), "warning: the service computes at 250 GFLOP/s"),
        (FAST, None, "warning: a probe under the service manager did not answer"),
        (FAST, Probed(folder_error="Operation not permitted", gflops=1900.0), "Files and Folders"),
        (FAST, Probed(device="MLX does not run (ImportError)"), "could not be compared: MLX does not run"),
        (None, FAST, "could not be compared"),
    ],
)
def test_the_verdict_says_what_to_do(shell: Probed | None, service: Probed | None, said: str) -> None:
    """As fast, throttled, hanging, forbidden, not to be compared: each in a sentence."""
    assert any(said in line for line in verdict("/Volumes/models", shell, service))
