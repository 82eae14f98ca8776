"""`bot recipes tune DIR`: a recipe whose widths were measured on the base itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import settings
from bot.recipes.tune import LENGTH, SAMPLES, SEED

if TYPE_CHECKING:
    from rich.table import Table

    from bot.recipes.tune import Estimate, Tuned


def tune(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The base model's folder.")],
    like: Annotated[str, typer.Option(help="The recipe whose group size, routers and size are taken.")],
    budget: Annotated[
        str, typer.Option(help="4.6bpw, a size such as 5.2GB, or like: what that recipe weighs.")
    ] = "like",
    text: Annotated[
        Path | None, typer.Option(help="Plain text to measure on; default: what perplexity is measured on.")
    ] = None,
    samples: Annotated[
        int, typer.Option(min=1, help="Sequences to choose on; as many are held out.")
    ] = SAMPLES,
    length: Annotated[int, typer.Option(min=2, help="Tokens of a sequence.")] = LENGTH,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Which sequences of the text.")] = SEED,
    name: Annotated[str | None, typer.Option(help="The new recipe's name; default: tuned-LIKE.")] = None,
    out: Annotated[Path, typer.Option(help="The folder of recipe files it is written to, or a file.")] = Path(
        "recipes"
    ),
    text_only: Annotated[
        bool, typer.Option("--text-only", help="Leave out what the base sees with.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file of that name, and a recipe that is no better.")
    ] = False,
    recipes: Annotated[
        list[Path] | None, typer.Option(help="A folder of your own recipe files; may be repeated.")
    ] = None,
    watchlist: Annotated[Path | None, typer.Option(help="Take recipe folders from this watchlist.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how long it would take.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """A recipe with the best width for each block of this base, as measured, under a budget."""
    from bot.cli.at_work import at_work
    from bot.recipes.tune import Estimate, Tuned, TuneRequest
    from bot.recipes.tune.budget import in_name
    from bot.recipes.tune.origin import origin
    from bot.watch.watchlist import book_for

    known = settings.from_environment()
    followed = book_for(recipes or [], watchlist or known.watchlist).parse(like)
    path = _path(out, name, f"tuned-{followed.name}{in_name(budget)}")
    _refuse(path, force=force or dry_run)
    base, identity = origin(folder)
    request = TuneRequest(
        folder=str(folder.expanduser()),
        base=base,
        identity=identity,
        like=followed,
        name=path.stem,
        budget=budget,
        text=str(text.expanduser()) if text else None,
        samples=samples,
        length=length,
        seed=seed,
        text_only=text_only,
    )
    if dry_run:
        _say_estimate(at_work(known, "bot.recipes.tune.estimate", request, Estimate, quiet=json), json=json)
    else:
        tuned = at_work(known, "bot.recipes.tune.sensitivity", request, Tuned, quiet=json)
        _finish(tuned, path, force=force, json=json)


def _path(out: Path, name: str | None, default: str) -> Path:
    """The file to write: `out` itself where it ends in .yaml, else one of that name in that folder."""
    from bot.errors import UsageError
    from bot.recipes.files import SUFFIX

    if out.suffix != SUFFIX:
        return out.expanduser() / f"{name or default}{SUFFIX}"
    if name and name != out.stem:
        raise UsageError(f"--out {out}: a recipe is called as its file is; leave out --name {name}")
    return out.expanduser()


def _refuse(path: Path, *, force: bool) -> None:
    """What would be refused after the measuring is refused before it."""
    from bot.errors import UsageError
    from bot.recipes.files import mistaken_name

    if said := mistaken_name(path):
        raise UsageError(f"{path}: {said}; --name gives another")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already: --force writes over it, --name gives another name")
    there = next(folder for folder in path.absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UsageError(f"--out: {there} is no folder that you may write in")


def _finish(tuned: Tuned, path: Path, *, force: bool, json: bool) -> None:
    """Write the recipe where it is of use, and say what was measured."""
    from bot.cli import show
    from bot.recipes.writing import recipe_file, write_recipe

    written = path if tuned.better or force else None
    if written:
        write_recipe(written, recipe_file(tuned.recipe, tuned.comments), force=True)
    if json:
        show.as_json(_as_json(tuned, written))
        return
    show.out().print(_table(tuned))
    show.out().print(tuned.verdict)
    show.out().print(f"wrote {written}" if written else "Nothing is written; with --force it is.")


def _say_estimate(estimate: Estimate, *, json: bool) -> None:
    from bot.card.numbers import size
    from bot.cli import show
    from bot.records import to_json

    if json:
        show.as_json({**to_json(estimate), "dry_run": True})
        return
    show.out().print(
        f"{estimate.passes} forward passes over {estimate.tokens} tokens each ({estimate.blocks} blocks at "
        f"{estimate.widths} widths, and 4 to judge): {estimate.duration} on this machine, with "
        f"{size(estimate.memory)} of memory"
    )


def _table(tuned: Tuned) -> Table:
    from bot.card.numbers import size
    from bot.cli import show

    table = show.plain_table("recipe", "bits/weight", "size", "KL, held-out text")
    for whole in (tuned.tuned, tuned.like):
        table.add_row(whole.name, f"{whole.bits_per_weight:.3f}", size(whole.bytes), f"{whole.kl:.3g}")
    return table


def _as_json(tuned: Tuned, written: Path | None) -> dict[str, Any]:
    from bot.records import to_json

    whole, like = (
        {key: value for key, value in to_json(each).items() if key != "of_samples"}
        for each in (tuned.tuned, tuned.like)
    )
    return {
        **whole,
        "path": str(written) if written else None,
        "recipe": to_json(tuned.recipe),
        "budget_bytes": tuned.budget_bytes,
        "like": like,
        "better": tuned.better,
        "verdict": tuned.verdict,
        "blocks": to_json(tuned)["blocks"],
        "seed": tuned.seed,
        "text": to_json(tuned.text),
    }
