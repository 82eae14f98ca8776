"""launchd: a LaunchAgent of the user who is logged in. Its commands were not run on a Mac here; what they
are given (the property list) is tested as text."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from pathlib import Path

from bot.service import private, probe, secrets_file
from bot.service.agent import LABEL, agent, plist
from bot.service.probe import Probed
from bot.service.state import State, must, said
from bot.service.wish import Wish

PROBE_LABEL = f"{LABEL}-probe"
PROBE_SECONDS = 90.0
_WAY_OUT = "log in at the Mac's own screen (a LaunchAgent needs that session), then install again"


def agent_path(label: str = LABEL) -> Path:
    """Where the property list stands."""
    return Path.home() / "Library" / "LaunchAgents" / f"{label}.plist"


def install(wish: Wish) -> list[str]:
    """Try folder and processor under launchd, then load the agent; what was done. Raises HostError."""
    told = _probe(wish)
    content = agent(wish, secrets_file.read(Path(wish.environment_file)))
    Path(wish.logs).mkdir(parents=True, exist_ok=True)
    path = agent_path()
    private.write(path, plist(content))
    said("launchctl", "bootout", f"{_domain()}/{LABEL}")  # an earlier one; fails where there is none
    must("launchctl", "bootstrap", _domain(), str(path), way_out=_WAY_OUT)
    must("launchctl", "enable", f"{_domain()}/{LABEL}", way_out=_WAY_OUT)
    return [*told, f"{path} is written, loaded and started", f"its log: {wish.logs}/bot.log"]


def uninstall() -> list[str]:
    """Stop the agent and take its list away; nothing else is touched. Raises HostError."""
    path = agent_path()
    if not path.exists():
        return [f"no service is installed ({path} is not there)"]
    said("launchctl", "bootout", f"{_domain()}/{LABEL}")
    path.unlink(missing_ok=True)
    return [f"the service is stopped and {path} is gone"]


def status(logs: Path) -> State:
    """What launchd says. Raises HostError where there is none."""
    done = said("launchctl", "print", f"{_domain()}/{LABEL}")
    return state_of(done.stdout if done.returncode == 0 else "", agent_path(), logs)


def state_of(printed: str, path: Path, logs: Path) -> State:
    """The state that `launchctl print` shows; pure but for a look whether the list is there."""
    state = re.search(r"^\s*state = (.+)$", printed, re.MULTILINE)
    pid = re.search(r"^\s*pid = (\d+)$", printed, re.MULTILINE)
    last = re.search(r"^\s*last exit code = (.+)$", printed, re.MULTILINE)
    return State(
        manager="launchd",
        installed=path.exists(),
        running=pid is not None,
        at_login=bool(printed),
        pid=int(pid[1]) if pid else None,
        file=str(path),
        log=str(logs / "bot.log"),
        detail=", ".join(
            [state[1].strip() if state else "not loaded", *([f"last exit {last[1].strip()}"] if last else [])]
        ),
    )


def _domain() -> str:
    return f"gui/{os.getuid()}"


def _probe(wish: Wish) -> list[str]:
    """What a probe under launchd found, beside the same probe in this shell."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "probe.json"
        command = [sys.executable, "-m", "bot.service.probe", wish.home, str(answer)]
        said(*command, seconds=PROBE_SECONDS)
        shell = probe.read(answer)
        answer.unlink(missing_ok=True)
        service = _under_launchd(wish, command, answer)
    return list(probe.verdict(wish.home, shell, service))


def _under_launchd(wish: Wish, command: list[str], answer: Path) -> Probed | None:
    content = agent(wish) | {
        "Label": PROBE_LABEL, "ProgramArguments": command, "KeepAlive": False,
        "StandardOutPath": "/dev/null", "StandardErrorPath": "/dev/null",
    }  # fmt: skip
    path = agent_path(PROBE_LABEL)
    private.write(path, plist(content))
    try:
        must("launchctl", "bootstrap", _domain(), str(path), way_out=_WAY_OUT)
        end = time.monotonic() + PROBE_SECONDS
        while time.monotonic() < end:
            if (found := probe.read(answer)) is not None:
                return found
            time.sleep(0.5)
        return None
    finally:
        said("launchctl", "bootout", f"{_domain()}/{PROBE_LABEL}")
        path.unlink(missing_ok=True)
