"""`bot measure DIR_OR_REPO`: tasks, perplexity and speed of any model; nothing is published."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bot import settings

if TYPE_CHECKING:
    from bot.huggingface import HubDoor
    from bot.measure.request import Measurements, MeasureRequest
    from bot.records import BaseRevision, MeasureSettings, Snapshot
    from bot.settings import Settings

STANDARD_OUTPUT = "-"


def measure(
    model: Annotated[
        str, typer.Argument(metavar="DIR_OR_REPO", help="The model: a folder, or owner/name[@revision].")
    ],
    tasks: Annotated[
        list[str] | None,
        typer.Option(help="Tasks of lm-eval or --include-path: a,b or repeated; default: the cards' seven."),
    ] = None,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A folder of lm-eval task files of your own; may be repeated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many questions of each task.")] = None,
    against: Annotated[
        str | None, typer.Option(metavar="BASE", help="Its base, measured beside it: a folder or a repo.")
    ] = None,
    chat_template: Annotated[
        Literal["on", "off", "both"], typer.Option(help="Ask with the chat template, where there is one.")
    ] = "on",
    exact_dtype: Annotated[
        bool, typer.Option("--exact-dtype", help="Compute in the model's own dtype, as mlx_lm.evaluate.")
    ] = False,
    no_perplexity: Annotated[bool, typer.Option("--no-perplexity", help="Leave perplexity out.")] = False,
    no_speed: Annotated[bool, typer.Option("--no-speed", help="Leave speed out.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of examples and text.")] = 123,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is to be measured, and stop.")] = False,
    json: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write what was measured as JSON; - prints it.")
    ] = None,
) -> None:
    """Measure a model, and its base beside it. What was measured before is not measured again."""
    from bot.cli.at_work import at_work
    from bot.huggingface import HubDoor
    from bot.measure.request import Measurements, MeasureRequest
    from bot.measure.target import located
    from bot.records import MeasureSettings

    known, quiet = settings.from_environment(), json == STANDARD_OUTPUT
    _refuse_unwritable(json)
    door = HubDoor(known)
    places = [located(door, text) for text in (against, model) if text is not None]
    usual = MeasureSettings()
    wanted = MeasureSettings(
        tasks=usual.tasks if tasks is None else _names(tasks),
        limit=limit,
        seed=seed,
        chat_template=chat_template,
        exact_dtype=exact_dtype,
        perplexity_samples=0 if no_perplexity else usual.perplexity_samples,
        speed_trials=0 if no_speed else usual.speed_trials,
    )
    request = MeasureRequest(
        models=(),
        settings=_without_text(door, wanted),
        store=str(known.measurements),
        include_path=tuple(str(folder.expanduser().absolute()) for folder in include_path or ()),
    )
    if dry_run:
        _say_planned(known, request, places, json, has_base=bool(against))
        return
    request = _with_models(request, _brought(known, request, places, quiet=quiet), has_base=bool(against))
    _finish(at_work(known, "bot.measure", request, Measurements, quiet=quiet), json)


def _names(said: list[str]) -> tuple[str, ...]:
    """`--tasks a,b --tasks c`; an empty one names no task."""
    return tuple(dict.fromkeys(name.strip() for each in said for name in each.split(",") if name.strip()))


def _refuse_unwritable(json: str | None) -> None:
    """What cannot be written is said before the measuring."""
    from bot.errors import UsageError

    if json in (None, STANDARD_OUTPUT):
        return
    folder = Path(json).expanduser().absolute().parent
    if Path(json).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(f"--json {json}: name a file in a folder that you may write in, or - to print it")


def _without_text(door: HubDoor, wanted: MeasureSettings) -> MeasureSettings:
    """No perplexity where its text cannot be had, which is said."""
    from msgspec.structs import replace

    from bot.cli import show
    from bot.measure.target import has_text

    dataset = wanted.perplexity_dataset
    if not wanted.perplexity_samples or has_text(door, dataset):
        return wanted
    why = f"its text, the dataset {dataset}, cannot be had from the Hub now; --no-perplexity asks for none"
    show.err().print(f"perplexity is left out: {why}", markup=False, soft_wrap=True)
    return replace(wanted, perplexity_samples=0)


def _brought(
    known: Settings, request: MeasureRequest, places: list[Snapshot | BaseRevision], *, quiet: bool
) -> list[Snapshot]:
    """Every model on disk; of a repo only the files that are needed. Before that, the tasks are looked at."""
    from bot.cli.at_work import at_work
    from bot.fetch import FetchRequest
    from bot.measure.request import Planned
    from bot.records import Snapshot

    if any(not isinstance(place, Snapshot) for place in places):
        at_work(known, "bot.measure.planned", request, Planned, quiet=True, mlx=False)
    folder = str(known.state / "fetched")
    return [
        place
        if isinstance(place, Snapshot)
        else at_work(
            known,
            "bot.fetch",
            FetchRequest(base=place, folder=folder, endpoint=known.endpoint),
            Snapshot,
            quiet=quiet,
            mlx=False,
        )
        for place in places
    ]


def _with_models(request: MeasureRequest, snapshots: list[Snapshot], *, has_base: bool) -> MeasureRequest:
    """The base comes first, where there is one."""
    from msgspec.structs import replace

    from bot.measure.target import to_measure
    from bot.watch.watchlist import book_for

    recipes = book_for([], settings.from_environment().watchlist).names
    models = tuple(
        to_measure(each, recipes, base=has_base and number == 0, has_base=has_base)
        for number, each in enumerate(snapshots)
    )
    return replace(request, models=models)


def _say_planned(
    known: Settings,
    request: MeasureRequest,
    places: list[Snapshot | BaseRevision],
    json: str | None,
    *,
    has_base: bool,
) -> None:
    """What would be fetched and measured; what is kept is only known of a model that lies on disk."""
    from bot.card.numbers import size
    from bot.cli import show
    from bot.cli.at_work import at_work
    from bot.measure.request import Planned
    from bot.records import Snapshot, to_json

    here = [place for place in places if isinstance(place, Snapshot)]
    afar = [place for place in places if not isinstance(place, Snapshot)]
    request = _with_models(request, here, has_base=has_base and not afar)
    plan = at_work(known, "bot.measure.planned", request, Planned, quiet=True, mlx=False)
    if json is not None:
        fetched = [{"repo": each.repo, "sha": each.sha, "bytes": each.weight_bytes} for each in afar]
        _write({**to_json(plan), "to_fetch": fetched, "dry_run": True}, json)
    if json == STANDARD_OUTPUT:
        return
    lines = [
        f"{each.repo} at {each.sha[:12]} would be fetched ({size(each.weight_bytes)}) and measured"
        for each in afar
    ]
    for model in plan.models:
        lines.append(f"{model.name}: would be measured: {', '.join(model.to_measure) or 'nothing'}")
        lines += [f"  kept already: {', '.join(model.kept)}"] if model.kept else []
        lines += [f"  no speed: {model.speed_withheld}"] if model.speed_withheld else []
    lines += [f"tasks: {', '.join(plan.tasks) or 'none'}"] if afar else []
    for line in lines:
        show.out().print(line, markup=False, soft_wrap=True)


def _finish(measured: Measurements, json: str | None) -> None:
    """Write and print; a model that gave no numbers ends the command with its error."""
    from bot.cli import show
    from bot.cli.measure_tables import report
    from bot.errors import BY_NAME, BotError
    from bot.records import to_json

    if json is not None:
        _write(to_json(measured), json)
    if json != STANDARD_OUTPUT:
        for part in report(measured.items):
            show.out().print(part)
    for failed in measured.failed:
        raise BY_NAME.get(failed.error_kind, BotError)(failed.error)


def _write(data: dict[str, Any], json: str) -> None:
    import msgspec

    from bot.cli import show
    from bot.errors import HostError

    if json == STANDARD_OUTPUT:
        show.as_json(data)
        return
    try:
        Path(json).expanduser().write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n")
    except OSError as error:
        raise HostError(f"{json} cannot be written ({error.strerror}): name another file") from error
