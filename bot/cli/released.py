"""`bot release` and `bot unpublish`: one repo, by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from bot import settings as settings_

Repo = Annotated[str, typer.Argument(help="A repo the bot made, owner/name.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def release(repo: Repo, json: Json = False) -> None:
    """Verify a private (or staged) repo once more and make it public."""
    from bot.cli import show
    from bot.huggingface import HubDoor
    from bot.publish.released import release as released

    known = settings_.from_environment()
    result = released(HubDoor(known), known, repo)
    if json:
        show.as_json(result)
    else:
        show.out().print(f"{result.url} is public: {result.verified} files verified")


def unpublish(
    repo: Repo,
    json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Make a repo private again and remove it from its collections."""
    from bot.cli import show
    from bot.huggingface import HubDoor
    from bot.publish import released

    door = HubDoor(settings_.from_environment())
    if dry_run:
        show.out().print(f"{repo} would become private and leave its collections.")
        return
    titles = released.unpublish(door, repo)
    if json:
        show.as_json({"repo": repo, "private": True, "removed_from": titles})
    else:
        words = ", ".join(titles) or "no collection"
        show.out().print(f"{repo} is private again; removed from {words}")
