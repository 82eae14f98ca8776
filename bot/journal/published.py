"""The ledger's memory: each repo of an account as it was read last (`qx_published`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy
from sqlalchemy import Connection

from bot.adopt.adopted import Adopted, Origin
from bot.adopt.trouble import Trouble
from bot.journal.database import Journal
from bot.journal.tables import published as table
from bot.records import R, Record, from_json, to_json


class Published(Record, frozen=True, kw_only=True):
    """One repo of the account. `adopted` is what was read of it (None: a newer bot wrote what this one does
    not understand); `trouble` what the last re-read found; `read_at` in Unix seconds."""

    repo: str
    account: str
    origin: Origin
    base: str = ""
    recipe: str = ""
    sha: str = ""
    private: bool = False
    read_at: float = 0.0
    adopted: Adopted | None = None
    trouble: tuple[Trouble, ...] = ()


def keep(journal: Journal, found: Adopted, origin: Origin, read_at: float) -> None:
    """Write down what was read of a repo; its troubles stay. Raises HostError."""
    row = {
        "account": found.repo.split("/", 1)[0],
        "origin": origin,
        "base": found.base[:200],
        "recipe": found.recipe.name[:60],
        "sha": found.sha,
        "private": int(found.private),
        "read_at": read_at,
        "adopted": to_json(found),
    }
    with journal.writing() as connection:
        _put(connection, found.repo, row)


def keep_trouble(journal: Journal, found: Mapping[str, Sequence[Trouble]]) -> None:
    """Write down what is wrong, by repo; an empty list says that nothing is."""
    with journal.writing() as connection:
        for repo, troubles in found.items():
            said = [to_json(each) for each in troubles] or None
            connection.execute(table.update().where(table.c.repo == repo).values(trouble=said))


def forget(journal: Journal, repo: str) -> None:
    """The repo is no longer on the account."""
    with journal.writing() as connection:
        connection.execute(table.delete().where(table.c.repo == repo))


def of_account(journal: Journal, account: str) -> dict[str, Published]:
    """Everything known of the account's repos, by repo."""
    return _read(journal, table.c.account == account)


def of_base(journal: Journal, account: str, base: str) -> tuple[Published, ...]:
    """The account's repos of that base, whoever made them, in the order of their names."""
    same = sqlalchemy.func.lower(table.c.base) == base.lower()
    found = _read(journal, sqlalchemy.and_(table.c.account == account, same))
    return tuple(found[repo] for repo in sorted(found))


def _read(journal: Journal, where: sqlalchemy.ColumnElement[bool]) -> dict[str, Published]:
    with journal.reading() as connection:
        rows = connection.execute(sqlalchemy.select(table).where(where)).mappings().all()
    return {row["repo"]: _record(dict(row)) for row in rows}


def _put(connection: Connection, repo: str, row: dict[str, Any]) -> None:
    """Insert or update, in a way that every database knows."""
    done = connection.execute(table.update().where(table.c.repo == repo).values(**row))
    if not done.rowcount:
        connection.execute(table.insert().values(repo=repo, **row))


def _record(row: dict[str, Any]) -> Published:
    adopted, trouble = row.pop("adopted"), row.pop("trouble")
    return Published(
        **{**row, "private": bool(row["private"])},
        adopted=_decoded(Adopted, adopted) if adopted is not None else None,
        trouble=tuple(found for each in trouble or () if (found := _decoded(Trouble, each)) is not None),
    )


def _decoded(kind: type[R], data: Any) -> R | None:
    try:
        return from_json(kind, data)
    except msgspec.ValidationError:
        return None
