"""`bot compare`: what was measured of models, side by side, and what of it is more than noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.publish.measured import Measured
    from bot.review.side_by_side import Compared


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help="The reference and those that are held against it: a quant's folder or owner/name, a file "
            "of `bot measure --json`, or the base's owner/name beside a quant of it.",
        ),
    ],
    task: Annotated[list[str] | None, typer.Option(help="Only this task; may be repeated.")] = None,
    margin: Annotated[
        float, typer.Option(min=0.0001, max=1.0, help="The mean accuracy that may be lost as no worse.")
    ] = 0.01,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold measured models against the first: gains, losses, and what is within noise. Measures nothing."""
    from bot.cli import compare_tables, show
    from bot.huggingface import HubDoor
    from bot.publish.measured import measured

    known = settings.from_environment()
    with show.err().status("reading measurements"):
        found = measured(HubDoor(known), known, models)
        compared = _compared(found, task or [], margin)
    if json:
        show.as_json(compared)
        return
    for part in compare_tables.report(compared):
        show.out().print(part)


def _compared(found: Sequence[Measured], tasks: Sequence[str], margin: float) -> Compared:
    """Raises NotFound for a task that none of the models was asked."""
    from bot.errors import NotFound
    from bot.review.side_by_side import Compared, only, side_by_side

    known = list(dict.fromkeys(score.task for each in found for score in each.measurement.tasks))
    for name in tasks:
        if name not in known:
            raise NotFound(f"there is no score of {name}: the tasks are {', '.join(known) or 'none'}")

    reference, *others = found
    asked = set(tasks or known)
    return Compared(
        reference=reference.name,
        size_bytes=reference.measurement.size_bytes,
        others=tuple(
            side_by_side(
                other.name,
                only(other.measurement, asked),
                only(reference.measurement, asked),
                other.outcomes,
                reference.outcomes,
                margin,
                other_base=bool(other.base and reference.base and other.base != reference.base),
            )
            for other in others
        ),
    )
