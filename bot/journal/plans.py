"""Proposals in the journal (`qx_plan`): what waits, what was decided, what runs, what it came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy

from bot.journal.database import Journal
from bot.journal.tables import plan
from bot.plan.proposal import Proposal, State
from bot.records import Record, from_json, to_json


class Kept(Record, frozen=True, kw_only=True):
    """A proposal and what became of it. Times are Unix seconds; `decided_by` is a person, `rule` where none
    was needed; `run` is the id of its last run."""

    proposal: Proposal
    state: State
    created_at: float
    decided_at: float | None = None
    decided_by: str | None = None
    run: str | None = None

    @property
    def id(self) -> str:
        return self.proposal.id


def get(journal: Journal, id_: str) -> Kept | None:
    """The proposal of that id, or None. Raises HostError, as all here."""
    with journal.reading() as connection:
        row = connection.execute(sqlalchemy.select(plan).where(plan.c.id == id_)).mappings().first()
    return _kept(row) if row is not None else None


def listed(
    journal: Journal, states: Sequence[State] = (), *, repo: str | None = None, limit: int | None = None
) -> list[Kept]:
    """Proposals in one of `states` (all when empty), of the base `repo` when given, the newest first."""
    asked = sqlalchemy.select(plan).order_by(plan.c.created_at.desc(), plan.c.id)
    if states:
        asked = asked.where(plan.c.state.in_(states))
    if repo is not None:
        asked = asked.where(sqlalchemy.func.lower(plan.c.repo) == repo.lower())
    with journal.reading() as connection:
        rows = connection.execute(asked.limit(limit)).mappings().all()
    return [_kept(row) for row in rows]


def insert(journal: Journal, kept: Kept, supersedes: Callable[[Proposal], bool]) -> bool:
    """Keep a new proposal; those of its base that did not start and that it supersedes are so in the same
    transaction. False, and nothing is changed, where the id is there already."""
    mine = sqlalchemy.select(plan).where(plan.c.repo == kept.proposal.repo)
    with journal.writing() as connection:
        known = [_kept(row) for row in connection.execute(mine).mappings()]
        if any(other.id == kept.id for other in known):
            return False
        older = [k.id for k in known if k.state in ("waiting", "approved") and supersedes(k.proposal)]
        connection.execute(plan.update().where(plan.c.id.in_(older)).values(state="superseded"))
        connection.execute(plan.insert().values(id=kept.id, **_row(kept)))
    return True


def move(journal: Journal, kept: Kept, states: Sequence[State]) -> bool:
    """Write `kept` over the row of its id if that is in one of `states` now; False where it is not.

    Of two who decide at once one wins, and the other is told so.
    """
    with journal.writing() as connection:
        done = connection.execute(
            plan.update().where(plan.c.id == kept.id, plan.c.state.in_(states)).values(**_row(kept))
        )
    return done.rowcount == 1


def _row(kept: Kept) -> dict[str, object]:
    return {
        "repo": kept.proposal.repo,
        "sha": kept.proposal.sha,
        "state": kept.state,
        "created_at": kept.created_at,
        "decided_at": kept.decided_at,
        "decided_by": kept.decided_by[:100] if kept.decided_by else None,
        "run": kept.run,
        "proposal": to_json(kept.proposal),
    }


def _kept(row: sqlalchemy.RowMapping) -> Kept:
    return Kept(
        proposal=from_json(Proposal, row["proposal"]),
        state=row["state"],
        created_at=row["created_at"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        run=row["run"],
    )
