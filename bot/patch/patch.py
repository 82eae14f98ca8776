"""The type of a patch: decided once, then only followed."""

from __future__ import annotations

from bot.records import BaseRevision, ChangeKind, Record


class Patch(Record, frozen=True, kw_only=True):
    """What goes from a base's new revision into the quants of `repos`, and why.

    `base` is the new revision (the last one known, where the base is `gone`), `before` the sha that the
    quants were made of. `files` are paths of the base to copy, `removed` paths to delete. `renamed_to`: its
    new name.
    """

    base: BaseRevision
    before: str
    kind: ChangeKind
    account: str
    endpoint: str
    files: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    renamed_to: str | None = None
    why: str = ""
