"""systemd: the user's own manager, or the system's."""

from __future__ import annotations

import os
from pathlib import Path

from bot.errors import HostError
from bot.service.state import State, must, said
from bot.service.unit import unit
from bot.service.wish import NAME, Wish

UNIT = f"{NAME}.service"
SYSTEM_FOLDER = Path("/etc/systemd/system")


def unit_path(*, system: bool) -> Path:
    """Where the unit file stands."""
    if system:
        return SYSTEM_FOLDER / UNIT
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "systemd" / "user" / UNIT


def install(wish: Wish) -> list[str]:
    """Write the unit, start it now and at each start of the machine (or login); what was done, in sentences.

    Installed again it is written anew and restarted. Raises HostError.
    """
    system = wish.user is not None
    path = unit_path(system=system)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(unit(wish), "utf-8")
    except OSError as error:
        raise HostError(f"{path} cannot be written ({error.strerror}): {_rights(system)}") from None
    control, way_out = _control(system), _way_out(system)
    must(*control, "daemon-reload", way_out=way_out)
    must(*control, "enable", UNIT, way_out=way_out)
    must(*control, "restart", UNIT, way_out=f"`{_journal(system)}` says why")
    told = [f"{path} is written, enabled and started", f"its log: `{_journal(system)}`"]
    if not system:
        told += _lingering()
    return told


def uninstall(*, system: bool) -> list[str]:
    """Stop the service and take its unit away; nothing else is touched. Raises HostError."""
    path = unit_path(system=system)
    if not path.exists():
        return [f"no service is installed ({path} is not there)"]
    control = _control(system)
    must(*control, "disable", "--now", UNIT, way_out=_way_out(system))
    try:
        path.unlink()
    except OSError as error:
        raise HostError(f"{path} cannot be taken away ({error.strerror}): {_rights(system)}") from None
    must(*control, "daemon-reload", way_out=_way_out(system))
    return [f"the service is stopped and {path} is gone"]


def status(logs: Path, *, system: bool) -> State:
    """What the manager says. Raises HostError where there is none."""
    path = unit_path(system=system)
    names = ("ActiveState", "SubState", "MainPID", "UnitFileState", "Result")
    done = said(*_control(system), "show", UNIT, "--property", ",".join(names))
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    pid = int(found.get("MainPID", "0") or 0)
    words = f"{found.get('ActiveState', '')} ({found.get('SubState', '')}, result {found.get('Result', '')})"
    return State(
        manager="systemd" if system else "systemd (user)",
        installed=path.exists(),
        running=found.get("ActiveState") in ("active", "reloading") and pid > 0,
        at_login=found.get("UnitFileState") == "enabled",
        pid=pid or None,
        file=str(path),
        log=str(logs / "bot.log"),
        detail=words if found else (done.stderr.strip().splitlines() or ["systemd did not answer"])[-1],
    )


def _control(system: bool) -> tuple[str, ...]:
    return ("systemctl",) if system else ("systemctl", "--user")


def _journal(system: bool) -> str:
    return f"journalctl {'' if system else '--user '}-u {NAME} -f"


def _way_out(system: bool) -> str:
    if system:
        return "run it with sudo"
    return "a user's own services need a login of that user (not `su`); `--system` makes one of the system"


def _rights(system: bool) -> str:
    return "run it with sudo" if system else "mend the folder's rights"


def _lingering() -> list[str]:
    """A user's manager ends with the last login, unless it lingers."""
    user = os.environ.get("USER") or str(os.getuid())
    done = said("loginctl", "show-user", user, "--property", "Linger", "--value")
    if done.stdout.strip() == "yes":
        return []
    return ["it ends when you log out: `loginctl enable-linger` keeps it running"]
