"""`bot recipes …`: what recipes there are, what one makes of a base, which of them run on a Mac."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings
from bot.cli.tune import tune

if TYPE_CHECKING:
    from bot.recipes.bases import Described
    from bot.recipes.book import Book
    from bot.recipes.mac.memory import Demands
    from bot.settings import Settings

recipes = typer.Typer(no_args_is_help=True)
recipes.command("tune")(tune)

Folders = Annotated[
    list[Path] | None, typer.Option("--recipes", help="A folder of your own recipe files; may be repeated.")
]
Watchlist = Annotated[Path | None, typer.Option(help="Take recipe folders from this watchlist.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@recipes.callback()
def _recipes() -> None:
    """Recipes: list them, show one on a model, fit them to a Mac, take one from an FP8 release, tune one."""


def _book(known: Settings, folders: list[Path] | None, watchlist: Path | None) -> Book:
    from bot.watch.watchlist import book_for

    return book_for(folders or [], watchlist or known.watchlist)


@recipes.command("list")
def list_(folders: Folders = None, watchlist: Watchlist = None, json: Json = False) -> None:
    """The names that can be asked for: the grammar's families and your own files."""
    from bot.cli import show
    from bot.cli.recipe_tables import list_table, listed

    book = _book(settings.from_environment(), folders, watchlist)
    if json:
        show.as_json(listed(book))
    else:
        show.out().print(list_table(book))


@recipes.command("show")
def show_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A recipe such as qx86-hi, or a .yaml file.")],
    model: Annotated[
        str | None, typer.Option(metavar="DIR_OR_REPO", help="A model's folder, or owner/name on the Hub.")
    ] = None,
    text_only: Annotated[
        bool, typer.Option("--text-only", help="Leave out what the base sees with.")
    ] = False,
    folders: Folders = None,
    watchlist: Watchlist = None,
    json: Json = False,
) -> None:
    """What a recipe says; with --model what becomes of each tensor, the bits per weight and the size."""
    from bot.cli import show
    from bot.cli.recipe_tables import layout_json, layout_lines, rules_json, rules_table
    from bot.huggingface import HubDoor
    from bot.recipes.bases import described, inventory_of
    from bot.recipes.layout import lay

    known = settings.from_environment()
    recipe = _book(known, folders, watchlist).parse(name)
    if model is None:
        if json:
            show.as_json(rules_json(recipe))
        else:
            show.out().print(rules_table(recipe))
        return
    inventory = inventory_of(known, described(HubDoor(known), model), text_only=text_only)
    layout = lay(recipe, inventory)
    if json:
        show.as_json(layout_json(recipe, inventory, layout))
        return
    for line in layout_lines(inventory, layout):
        show.out().print(line)


@recipes.command()
def fit(
    repo: Annotated[str, typer.Argument(metavar="DIR_OR_REPO", help="A model's folder, or owner/name.")],
    memory: Annotated[str, typer.Option(help="The Mac's memory, such as 64GB.")],
    context: Annotated[int, typer.Option(min=1, help="Tokens of prompt and answer together.")] = 8192,
    recipe: Annotated[list[str] | None, typer.Option(help="Only these recipes; may be repeated.")] = None,
    folders: Folders = None,
    watchlist: Watchlist = None,
    json: Json = False,
) -> None:
    """Which recipes of a base run on a Mac with that memory, best first, and a line to paste."""
    from bot.cli import show
    from bot.cli.recipe_tables import fit_json, fit_lines
    from bot.huggingface import HubDoor
    from bot.recipes.bases import described, inventory_of
    from bot.recipes.mac.fit import RECIPES, activation_types, candidates, fitting
    from bot.recipes.mac.memory import working_set

    known = settings.from_environment()
    book = _book(known, folders, watchlist)
    chosen = tuple(book.parse(each) for each in recipe or RECIPES)
    room = working_set(_memory(memory))
    base = described(HubDoor(known), repo)
    inventory = inventory_of(known, base)
    demands = _demands(known, base, activation_types(chosen, inventory), context)
    fits = fitting(candidates(chosen, inventory, demands), working_set=room.bytes)
    if json:
        show.as_json(fit_json(repo, context, room, fits))
        return
    for line in fit_lines(repo, context, room, fits):
        show.out().print(line)


def _memory(text: str) -> int:
    from bot.errors import UsageError
    from bot.recipes.mac.memory import Memory

    try:
        return int(Memory.parse(text))
    except ValueError as error:
        raise UsageError(f"--memory: {error}") from None


def _demands(known: Settings, base: Described, dtypes: tuple[str, ...], context: int) -> Demands:
    from bot.recipes.bases import asked
    from bot.recipes.mac.memory import DemandRequest, Demands

    request = DemandRequest(base=base.name, config=base.config, tokens=context, dtypes=dtypes)
    return asked(known, "bot.recipes.mac.kv_cache", request, Demands)


@recipes.command("from-fp8")
def from_fp8(
    repo: Annotated[str, typer.Argument(metavar="REPO", help="An FP8 release of the base, owner/name.")],
    like: Annotated[str, typer.Option(help="The recipe whose H, D and other rules are taken.")],
    revision: Annotated[str | None, typer.Option(help="Commit, branch or tag; default: the newest.")] = None,
    name: Annotated[str | None, typer.Option(help="The new recipe's name; default: fp8-LIKE.")] = None,
    out: Annotated[Path, typer.Option(help="The folder of recipe files it is written to.")] = Path("recipes"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file of that name.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the file, write nothing.")] = False,
    folders: Folders = None,
    watchlist: Watchlist = None,
    json: Json = False,
) -> None:
    """A recipe that keeps at H what an FP8 release keeps as floats; only headers and configs are read."""
    from bot.cli import show
    from bot.huggingface import HubDoor
    from bot.recipes.files import SUFFIX
    from bot.recipes.fp8.release import from_fp8 as read
    from bot.recipes.writing import write_recipe
    from bot.records import to_json

    known = settings.from_environment()
    found = read(HubDoor(known), repo, _book(known, folders, watchlist).parse(like), revision)
    path = out / f"{name or found.name}{SUFFIX}"
    if not dry_run:
        write_recipe(path, found.text, force=force)
    if json:
        said = {"name": path.stem, "path": str(path), "written": not dry_run, "text": found.text}
        show.as_json({**said, "repo": found.repo, "sha": found.sha, "protected": to_json(found.protected)})
    elif dry_run:
        typer.echo(found.text, nl=False)
    else:
        show.out().print(
            f"wrote {path}: {len(found.protected.roles)} kinds of modules at H, as {repo} keeps them"
        )
