"""What `bot service status` says, and commands of the system as one sentence when they fail."""

from __future__ import annotations

import subprocess

from bot.errors import HostError
from bot.records import Record
from bot.redaction import one_line


class State(Record, frozen=True, kw_only=True):
    """The service as its manager sees it. `file` defines it, `log` says what it does; `detail`: the manager's
    own words."""

    manager: str
    installed: bool
    running: bool
    file: str
    log: str
    at_login: bool = False
    pid: int | None = None
    detail: str = ""


def said(*command: str, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run a command of the system to its end, whatever comes of it. Raises HostError when it cannot run."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            errors="replace",
        )
    except FileNotFoundError:
        raise HostError(
            f"there is no `{command[0]}` on this machine: `bot run` works without a service"
        ) from None
    except subprocess.TimeoutExpired:
        raise HostError(f"`{' '.join(command)}` did not end within {seconds:g} s: try it by hand") from None


def must(*command: str, way_out: str) -> str:
    """Run a command that has to succeed; its output. Raises HostError with its last line and the way out."""
    done = said(*command)
    if done.returncode == 0:
        return done.stdout
    words = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
    raise HostError(f"`{' '.join(command)}` failed ({one_line(words[-1])[:200]}): {way_out}")
