"""`bot approve`: a person lets a quant past the gate that had stopped it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from bot.records import Gate


def approve(
    repo: Annotated[str, typer.Argument(help="A repo that the gate stopped, owner/name.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what the gate said.")] = False,
) -> None:
    """Show why the gate stopped a repo, and make it public nonetheless: verified once more, and linked."""
    from bot.cli import show
    from bot.huggingface import HubDoor
    from bot.publish import released
    from bot.records import to_json

    known = settings_.from_environment()
    door = HubDoor(known)
    gate = released.stopped(door, repo).manifest.gate
    assert gate is not None, "what the gate stopped says so"
    if not json:
        _show(repo, gate)
    if dry_run:
        if json:
            show.as_json({"repo": repo, "gate": to_json(gate), "dry_run": True})
        else:
            show.out().print("Nothing was done: this was a dry run.")
        return
    result = released.approve(door, known, repo)
    if json:
        show.as_json(result)
    else:
        show.out().print(f"{result.url} is public: approved, {result.verified} files verified")


def _show(repo: str, gate: Gate) -> None:
    from bot.cli import show

    console = show.out()
    console.print(f"The gate stopped {repo}:", soft_wrap=True)
    for reason in gate.reasons:
        console.print(f"  {reason}", soft_wrap=True, markup=False)
    for sentence in gate.not_judged:
        console.print(f"  not judged: {sentence}", soft_wrap=True, markup=False)
