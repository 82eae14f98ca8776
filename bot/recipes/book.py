"""Recipes by name: the built-in ones, and those in folders of people's own files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bot.errors import BotError, ConfigError
from bot.recipes import names
from bot.recipes.files import SUFFIX, read_recipe
from bot.records import Recipe


class Book:
    """What a recipe's name means here. `own` maps the names of the folders' recipes to their files.

    Only the folders' listings are read at first; each `parse` reads its file as it is then.
    """

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        """Raises ConfigError for a folder that is missing or empty, and for two files of one name."""
        self.own: dict[str, Path] = {}
        for path in (path for folder in folders for path in recipe_files(folder)):
            first = self.own.setdefault(path.stem, path)
            if first.resolve() != path.resolve():
                raise ConfigError(f"{first} and {path} are both called {path.stem}; rename one")

    @property
    def names(self) -> tuple[str, ...]:
        """Every name: the folders' in order of the alphabet, then the built-in ones."""
        return (*sorted(self.own), *names.all_names())

    def parse(self, name: str) -> Recipe:
        """The recipe of that name; or, for a path that ends in .yaml, the one in that file.

        Raises UsageError that names the nearest names, ConfigError with the line of a mistake in a file.
        """
        path = Path(name).expanduser()
        if name.endswith(SUFFIX) and ("/" in name or path.exists()):
            return read_recipe(path)
        if name in self.own:
            return read_recipe(self.own[name])
        if name not in names.all_names():
            raise names.unknown(name, sorted(self.own))
        return names.parse(name)

    def mistakes(self) -> dict[str, str]:
        """The names of the folders' recipes that cannot be used, and a sentence each: what is wrong."""
        return {name: said for name, path in self.own.items() if (said := _mistake(path))}


def recipe_files(folder: Path) -> tuple[Path, ...]:
    """The folder's recipe files, hidden ones left out. Raises ConfigError where there are none."""
    if folder.is_file():
        name = f" and the recipe by its name, {folder.stem}" if folder.suffix == SUFFIX else ""
        raise ConfigError(f"{folder} is a file; name its folder{name}")
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix in (SUFFIX, ".yml"))
    except FileNotFoundError:
        raise ConfigError(f"there is no folder {folder}; make it, or mend its name") from None
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be read ({error.strerror}); mend its name or permissions"
        ) from None
    files = tuple(path for path in found if not path.name.startswith(".") and not path.is_dir())
    if not files:
        raise ConfigError(f"{folder} holds no recipe; write one, such as {folder / f'my-recipe{SUFFIX}'}")
    return files


def _mistake(path: Path) -> str | None:
    try:
        read_recipe(path)
    except BotError as error:
        return str(error)
    return None
