"""The systemd unit, as text: pure. See systemd.service(5) and systemd.exec(5)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.service.wish import Wish

STOP_SECONDS = 45
"""The bot parks its step within ten seconds of SIGTERM; what then still lives is killed."""

_USER_SAFE = """\
NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
UMask=0077
"""
"""Works without namespaces, so also for a user's own manager and in a container."""

_SYSTEM_ONLY = """\
PrivateTmp=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
CapabilityBoundingSet=
"""
"""Left out on purpose: MemoryDenyWriteExecute (MLX compiles kernels and loads them), PrivateDevices (a GPU is
one) and PrivateNetwork."""


def unit(wish: Wish) -> str:
    """The unit file. A system unit runs as `wish.user` and may write in BOT_HOME and
    `wish.writable` only."""
    system = wish.user is not None
    environment = "".join(
        f"Environment={quoted(f'{name}={value}')}\n" for name, value in wish.environment.items()
    )
    return f"""\
# Written by `bot service install`, and written over by the next one.
[Unit]
Description=qx-bot: watches base models, quantizes, measures and publishes
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=1h
StartLimitBurst=10

[Service]
Type=exec
ExecStart={_command(wish.command)}
WorkingDirectory={_path(wish.folder)}
{f"User={wish.user}" if system else "# The user's own service: it runs as long as the user's manager does."}
{environment}EnvironmentFile=-{_path(wish.environment_file)}
Restart=on-failure
RestartSec=30
# 2 and 3: a command or a watchlist with a mistake, which starting again does not mend.
RestartPreventExitStatus=2 3
# SIGTERM goes to the bot alone, which ends its children in order.
KillMode=mixed
TimeoutStopSec={STOP_SECONDS}
# A child that is killed for memory is the bot's business; the daemon goes on.
OOMPolicy=continue
LimitNOFILE=65536
{_USER_SAFE}{_SYSTEM_ONLY + _writable(wish) if system else ""}
[Install]
WantedBy={"multi-user.target" if system else "default.target"}
"""


def _writable(wish: Wish) -> str:
    places = dict.fromkeys((wish.home, *wish.writable))
    return "".join(f"ReadWritePaths={quoted(f'-{place}')}\n" for place in places)


def _command(words: Sequence[str]) -> str:
    """The program's path, in which systemd looks for no variables, and its arguments, in which it does."""
    return " ".join([quoted(words[0]), *(quoted(word, command=True) for word in words[1:])])


def quoted(word: str, *, command: bool = False) -> str:
    """One word of a unit file, whatever it holds; `$` has a meaning in a command's arguments only.

    Raises ValueError for a line break, which nothing there can hold.
    """
    if "\n" in word or "\r" in word or "\0" in word:
        raise ValueError("a unit file holds no line breaks")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped.replace("$", "$$") if command else escaped}"'


def _path(path: str) -> str:
    """A path where systemd takes the rest of the line: specifiers alone are written out."""
    if "\n" in path or "\r" in path:
        raise ValueError("a unit file holds no line breaks")
    return str(Path(path)).replace("%", "%%")
