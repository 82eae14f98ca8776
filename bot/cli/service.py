"""`bot service install|uninstall|status`: the daemon as a service of this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings as settings_
from bot.errors import HostError, UsageError

if TYPE_CHECKING:
    from bot.service.wish import Wish

service = typer.Typer(no_args_is_help=True, help="Run the bot as a service of this machine.")

System = Annotated[
    bool, typer.Option("--system", help="A service of the whole system (Linux), not of your login.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@service.command()
def install(
    watchlist: Annotated[Path | None, typer.Option(help="Default: watchlist.yaml here.")] = None,
    system: System = False,
    run_as: Annotated[str | None, typer.Option(help="With --system: as which user it runs.")] = None,
    keep_secrets: Annotated[
        bool, typer.Option(help="Write HF_TOKEN and other secrets of this shell to BOT_HOME/service.env.")
    ] = False,
    json_logs: Annotated[bool, typer.Option(help="Log JSON, one object a line.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Print the unit or property list; change nothing.")] = False,
) -> None:
    """Install the daemon as a service, and start it. Installed again, it is written anew and restarted."""
    from bot.service import launchd, secrets_file, systemd
    from bot.service.wish import SECRETS, wish_for
    from bot.watch.watchlist import load_watchlist

    mac = _on_a_mac(system)
    known = settings_.from_environment()
    path = watchlist or known.watchlist
    load_watchlist(path)
    user = _user(run_as) if system else None
    wish = wish_for(known, path, os.environ, user=user, json_logs=json_logs)
    if dry_run:
        print(_text(wish, mac), end="")  # noqa: T201  the file as it is, for a pipe
        return
    if not mac:
        _need_systemd()
    given = {name: os.environ[name] for name in SECRETS if os.environ.get(name)} if keep_secrets else {}
    told = secrets_file.make(Path(wish.environment_file), given)
    told += launchd.install(wish) if mac else systemd.install(wish)
    _say([*told, *_about_secrets(wish, keep_secrets), *_about_script(wish)])


@service.command()
def uninstall(system: System = False) -> None:
    """Stop the service and take its unit or property list away. BOT_HOME and the watchlist stay."""
    from bot.service import launchd, systemd

    mac = _on_a_mac(system)
    known = settings_.from_environment()
    told = launchd.uninstall() if mac else systemd.uninstall(system=system)
    _say([*told, f"{known.home} with its runs, logs and service.env stays, and so does your watchlist"])


@service.command()
def status(system: System = False, json: Json = False) -> None:
    """Whether the service is installed and runs, and where its log is."""
    from bot.cli import show
    from bot.service import launchd, systemd

    mac = _on_a_mac(system)
    logs = settings_.from_environment().state / "logs"
    found = launchd.status(logs) if mac else systemd.status(logs, system=system)
    if json:
        show.as_json(found)
        return
    words = (
        "not installed" if not found.installed else "running" if found.running else "installed, not running"
    )
    number = f", process {found.pid}" if found.pid else ""
    at_login = "" if found.at_login or not found.installed else ", not started by itself"
    _say(
        [
            f"{words}{number}{at_login}: {found.detail} ({found.manager})",
            f"file {found.file}",
            f"log  {found.log}",
        ]
    )


def _say(lines: list[str]) -> None:
    from bot.cli import show

    for line in lines:
        show.out().print(line, markup=False, soft_wrap=True)


def _on_a_mac(system: bool) -> bool:
    """True on a Mac, False on Linux. Raises HostError elsewhere, UsageError for --system on a Mac."""
    if sys.platform == "darwin":
        if system:
            raise UsageError("--system is for Linux: on a Mac the bot runs as a LaunchAgent of your login")
        return True
    if not sys.platform.startswith("linux"):
        raise HostError("a service is made with systemd (Linux) or launchd (Mac), and this is neither")
    return False


def _need_systemd() -> None:
    if not Path("/run/systemd/system").is_dir():
        raise HostError(
            "systemd does not run this machine: start `bot run` with what does (in a container: its command)"
        )


def _user(run_as: str | None) -> str:
    user = run_as or os.environ.get("SUDO_USER")
    if not user or user == "root":
        raise UsageError("the bot should not run as root: name the user with --run-as")
    return user


def _text(wish: Wish, mac: bool) -> str:
    from bot.service.agent import agent, plist
    from bot.service.unit import unit

    return plist(agent(wish)).decode() if mac else unit(wish)


def _about_secrets(wish: Wish, kept: bool) -> list[str]:
    """What the shell knows and the service does not."""
    from bot.service import secrets_file
    from bot.service.wish import SECRETS

    there = secrets_file.read(Path(wish.environment_file))
    missing = [name for name in SECRETS if os.environ.get(name) and name not in there]
    if kept or not missing:
        return []
    return [
        f"{', '.join(missing)} of this shell is not known to the service: write it to "
        f"{wish.environment_file}, or install with --keep-secrets"
    ]


def _about_script(wish: Wish) -> list[str]:
    """A project's virtual environment is there as long as the project is."""
    folder = Path(wish.bot).parent.parent
    if not (folder / "pyvenv.cfg").is_file() or "tools" in folder.parts or "pipx" in folder.parts:
        return []
    return [
        f"it runs {wish.bot}: the service ends with that environment (`uv tool install qx-bot` is steadier)"
    ]
