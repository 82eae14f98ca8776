"""What the watchlist's `recipes:` mean: folders beside the watchlist, and names that somebody knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.errors import ConfigError
from bot.recipes.book import Book, recipe_files
from bot.recipes.names import unknown
from bot.watch.quantities import RecipeItem
from bot.yaml_lines import Document
from bot.yaml_types import Place


def resolved(document: Document, items: Sequence[RecipeItem]) -> tuple[tuple[RecipeItem, ...], Book]:
    """The items, their folders as paths from here; without a name, all recipes of the folders. And the book.

    Raises ConfigError with the line of a folder that is missing or empty and of a name that nobody knows.
    """
    folders = [_folder(document, at, item) for at, item in enumerate(items) if item.is_folder]
    try:
        book = Book(folders)
    except ConfigError as error:
        raise document.error(("recipes",), str(error)) from None
    check_names(document, ("recipes",), items, book)
    names = [item for item in items if not item.is_folder] or map(RecipeItem, sorted(book.own))
    return (*(RecipeItem(f"{folder}/") for folder in folders), *names), book


def check_names(document: Document, place: Place, items: Sequence[str], book: Book) -> None:
    """Raise ConfigError with the line of the first name that neither the grammar nor a folder knows."""
    known = set(book.names)
    for at, name in enumerate(items):
        if "/" not in name and name not in known:
            raise document.error((*place, at), str(unknown(name, sorted(book.own))))


def _folder(document: Document, at: int, item: RecipeItem) -> Path:
    """The folder as a path from here: in the watchlist it is relative to that."""
    folder = Path(document.name).parent / Path(item).expanduser()
    try:
        recipe_files(folder)
    except ConfigError as error:
        raise document.error(("recipes", at), str(error)) from None
    return folder
