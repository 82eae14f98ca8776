"""`bot quantize DIR`: all quants of a base that lies in a folder, in one pass; nothing is published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import settings

if TYPE_CHECKING:
    from rich.table import Table

    from bot.quantize import ModelFolders, QuantizeRequest
    from bot.recipes.layout import Inventory
    from bot.records import ModelFolder, Recipe


def quantize(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The base model's folder.")],
    recipe: Annotated[list[str], typer.Option(help="A recipe such as qx86-hi; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Where the quants' folders are written.")],
    name: Annotated[
        str | None, typer.Option(help="The base's name in the folders' names; default: its folder's.")
    ] = None,
    shard_size: Annotated[str, typer.Option(help="Most bytes of tensors in one file.")] = "5GiB",
    text_only: Annotated[
        bool, typer.Option("--text-only", help="Leave out what the base sees with.")
    ] = False,
    recipes: Annotated[
        list[Path] | None, typer.Option(help="A folder of your own recipe files; may be repeated.")
    ] = None,
    watchlist: Annotated[Path | None, typer.Option(help="Take recipe folders from this watchlist.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Quantize a local base by one or more recipes: OUT/<Base>-<recipe>-mlx/ for each."""
    from bot.cli import show
    from bot.cli.at_work import at_work
    from bot.quantize import ModelFolders
    from bot.recipes.bases import inventory_of, of_folder
    from bot.watch.watchlist import book_for

    known = settings.from_environment()
    book = book_for(recipes or [], watchlist or known.watchlist)
    chosen = tuple(book.parse(each) for each in dict.fromkeys(recipe))
    base = of_folder(folder.expanduser())
    # What a base without senses holds is only needed to say sizes; the quantizer looks for itself.
    inventory = inventory_of(known, base, text_only=text_only) if dry_run or base.has_senses else None
    blind = inventory is not None and inventory.text_only
    request = _request(folder, chosen, out, name, _bytes(shard_size), blind)
    if dry_run and inventory:
        _said(request, inventory, json=json)
        return
    made = at_work(known, "bot.quantize", request, ModelFolders, quiet=json)
    if json:
        show.as_json({"quants": [_folder_json(quant) for quant in made.items]})
    else:
        show.out().print(_table(made))


def _bytes(text: str) -> int:
    from bot.errors import UsageError
    from bot.watch.quantities import Size

    try:
        size = Size.parse(text)
    except ValueError as error:
        raise UsageError(f"--shard-size: {error}") from None
    if size < 1:
        raise UsageError("--shard-size: a shard of no bytes holds nothing; 5GiB is usual")
    return int(size)


def _request(
    folder: Path, chosen: tuple[Recipe, ...], out: Path, name: str | None, largest: int, text_only: bool
) -> QuantizeRequest:
    from bot.fetch.local import local_snapshot
    from bot.plan.decide import quant_name
    from bot.quantize import QuantizeRequest

    snapshot = local_snapshot(folder)
    base = name or snapshot.repo.rsplit("/", 1)[-1]
    return QuantizeRequest(
        snapshot=snapshot,
        recipes=chosen,
        out=str(out),
        names=tuple(quant_name(base, each.name, text_only=text_only) for each in chosen),
        largest_shard=largest,
        text_only=text_only,
    )


def _said(request: QuantizeRequest, inventory: Inventory, *, json: bool) -> None:
    """What would be written, and nothing done."""
    from bot.card.numbers import size
    from bot.cli import show
    from bot.recipes.layout import prediction

    predictions = [prediction(recipe, inventory) for recipe in request.recipes]
    planned = [
        {"name": name, "recipe": p.recipe.name, "bytes": p.bytes, "bits_per_weight": p.bits_per_weight}
        for name, p in zip(request.names, predictions, strict=True)
    ]
    if json:
        show.as_json({"quants": planned, "dry_run": True})
        return
    table = show.plain_table("would be written", "bits/weight", "size")
    for name, p in zip(request.names, predictions, strict=True):
        table.add_row(name, f"{p.bits_per_weight:.3f}", size(p.bytes))
    show.out().print(table)


def _table(made: ModelFolders) -> Table:
    from bot.card.numbers import size
    from bot.cli import show

    table = show.plain_table("folder", "bits/weight", "size")
    for quant in made.items:
        table.add_row(quant.path, f"{quant.bits_per_weight:.3f}", size(quant.weight_bytes))
    return table


def _folder_json(quant: ModelFolder) -> dict[str, Any]:
    from bot.records import to_json

    return {**to_json(quant), "bytes": quant.weight_bytes}
