"""Says when a template or the facts were saved, also by an editor that renames a new file into place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import anyio
from watchfiles import Change, awatch

from bot.card.template_folder import SUFFIX

GATHER = 200
"""Milliseconds for which saves that follow each other closely are taken as one."""

OnSave = Callable[[], None]


async def watch(folders: Iterable[Path], facts: Path | None, on_save: OnSave, stop: anyio.Event) -> None:
    """Call `on_save` after each save, until `stop`. Folders of templates are watched with all below them.

    The file of facts is watched by its folder: one that was renamed into place is another file.
    """
    async with anyio.create_task_group() as group:
        for folder in folders:
            group.start_soon(_each, folder, _is_template, True, on_save, stop)
        if facts is not None:
            group.start_soon(_each, facts.parent, _named(facts.name), False, on_save, stop)


async def _each(
    folder: Path, wanted: Callable[[Change, str], bool], below: bool, on_save: OnSave, stop: anyio.Event
) -> None:
    saves = awatch(
        folder, watch_filter=wanted, debounce=GATHER, stop_event=stop, recursive=below, raise_interrupt=False
    )
    async for _ in saves:
        on_save()


def _is_template(_: Change, path: str) -> bool:
    return path.endswith(SUFFIX)


def _named(name: str) -> Callable[[Change, str], bool]:
    return lambda _, path: Path(path).name == name
