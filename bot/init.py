"""`bot init`: what a newcomer needs on disk: a watchlist, BOT_HOME, templates to edit if wanted."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

from bot.card import template_folder
from bot.errors import ConfigError, HostError, UsageError
from bot.settings import Settings
from bot.watch.quantities import Account
from bot.watch.watchlist import of_document
from bot.yaml_lines import Document


def example() -> Path:
    """The commented watchlist that comes with the bot: inside an installed package, else in the repo."""
    package = Path(__file__).resolve().parent
    packaged = package / "_watchlist.yaml"
    return packaged if packaged.is_file() else package.parent / "watchlist.yaml"


def watchlist_text(account: str, today: date) -> str:
    """The example for this account, its authors from today on. Raises UsageError for no account's name."""
    try:
        name = Account.parse(account)
    except ValueError as error:
        raise UsageError(str(error)) from None
    text = example().read_text("utf-8")
    text = re.sub(r"(?m)^# account: \w+", f'account: "{name}"', text, count=1)
    text = re.sub(r"(?m)^( +since: )\S+", rf"\g<1>{today}", text)
    of_document(Document(text.encode(), "watchlist.yaml"))  # what a newcomer starts from is never wrong
    return text


def write_watchlist(path: Path, text: str, *, force: bool = False) -> None:
    """Write the file. Raises UsageError when it is there (without `force`), HostError when it cannot be."""
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already: edit it, or say --force to write over it") from None
    except OSError as error:
        raise HostError(
            f"{path} cannot be written ({error.strerror}): choose another with --watchlist"
        ) from None


def copy_templates(folder: Path) -> None:
    """Copy the standard card templates to a new folder. Raises UsageError when it is there already."""
    try:
        shutil.copytree(template_folder.standard(), folder)
    except FileExistsError:
        raise UsageError(f"{folder} is there already: edit it, or name another with --templates") from None
    except OSError as error:
        raise HostError(f"{folder} cannot be written ({error.strerror}): name another") from None


def make_home(settings: Settings) -> None:
    """Make BOT_HOME. Raises ConfigError when a file is in its place, HostError when it cannot be made."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ConfigError(f"BOT_HOME is {settings.home}, which is no folder: set it to another") from None
    except OSError as error:
        raise HostError(
            f"{settings.home} cannot be made ({error.strerror}): set BOT_HOME to a folder of yours"
        ) from None


def next_commands(watchlist: Path, *, token: bool) -> tuple[str, str, str]:
    """The three commands that come next."""
    option = "" if watchlist == Path("watchlist.yaml") else f" --watchlist {watchlist}"
    first = f"bot doctor{option}" if token else f"hf auth login && bot doctor{option}"
    return first, "bot publish Qwen/Qwen3-0.6B --recipe qx64-hi --dry-run", f"bot run{option}"
