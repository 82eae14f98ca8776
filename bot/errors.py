"""Everything that can go wrong, one class a reaction; `BotError` catches them all.

    BotError                      1   anything else, said in one sentence
    ├── UsageError                2   the command line or a name on it
    ├── ConfigError               3   watchlist, recipe, template, settings (file and line in the text)
    ├── NotFound                  4   a repo, revision, run or file that is not there
    ├── NeedsPerson               5   gated or unlicensed base, foreign target repo, a plan nobody approved
    ├── UnsuitableBase            6   architecture, pickle, remote code, corrupt or truncated weights
    ├── NotAllowed                7   no token, wrong token, no right to write, storage limit
    ├── HubUnavailable            8   Hub down, rate limit that outlasts patience, 5xx
    ├── HostError                 9   disk, memory, MLX or another part missing on this machine
    ├── VerificationFailed       10   what the Hub holds, or what the quant answers, is not what was made
    ├── ChildDied                11   a child process ended without an answer, twice
    └── Cancelled                12   somebody said `bot cancel`

The number is the exit code of the command (documented in the README). Every
message is one sentence for the person at the terminal: what is wrong, where,
and the way out. Messages never hold a token.
"""

# ruff: noqa: N818  the names say what happened; "Error" at the end of each would add nothing
from __future__ import annotations


class BotError(Exception):
    """Base of every error a person is meant to read."""

    exit_code = 1


class UsageError(BotError):
    exit_code = 2


class ConfigError(BotError):
    exit_code = 3


class NotFound(BotError):
    exit_code = 4


class NeedsPerson(BotError):
    exit_code = 5


class UnsuitableBase(BotError):
    exit_code = 6


class NotAllowed(BotError):
    exit_code = 7


class HubUnavailable(BotError):
    exit_code = 8


class HostError(BotError):
    exit_code = 9


class VerificationFailed(BotError):
    exit_code = 10


class ChildDied(BotError):
    exit_code = 11


class Cancelled(BotError):
    exit_code = 12


BY_NAME: dict[str, type[BotError]] = {
    kind.__name__: kind
    for kind in (
        BotError, UsageError, ConfigError, NotFound, NeedsPerson, UnsuitableBase, NotAllowed,
        HubUnavailable, HostError, VerificationFailed, ChildDied, Cancelled,
    )
}  # fmt: skip
"""For carrying an error over a process boundary by its name and message."""
