"""Attempts: one request is one id, and each time it is tried anew gets `~2`, `~3`, … behind it."""

from __future__ import annotations

from typing import Any

from dbos import DBOS

from bot.errors import NotAllowed
from bot.fleet.dispatch import UNFINISHED
from bot.fleet.refused import refusal


def attempts(source: Any, run_id: str) -> list[Any]:
    """All attempts of one request, oldest first: `run_id`, `run_id~2`, … (`source`: DBOS or a client)."""
    found = source.list_workflows(workflow_id_prefix=run_id, load_input=False, load_output=False)
    mine = [run for run in found if run.workflow_id.split("~")[0] == run_id]
    return sorted(mine, key=lambda run: attempt_number(run.workflow_id))


def attempt_number(run_id: str) -> int:
    """1 for the first attempt, N for `…~N`."""
    return int(run_id.rsplit("~", 1)[1]) if "~" in run_id else 1


def fresh_id(known: list[Any], run_id: str) -> str:
    """The id of the attempt after the `known` ones."""
    return f"{run_id}~{attempt_number(known[-1].workflow_id) + 1}" if known else run_id


def next_attempt(source: Any, run_id: str) -> tuple[str, bool]:
    """The id under which a request runs now: (the unfinished attempt, True) or (a fresh id, False).

    A run that failed, was cancelled, or ended while the plan still finds work is never answered by its old
    result: it gets a new id.
    """
    known = attempts(source, run_id)
    for run in known:
        if run.status in UNFINISHED:
            return run.workflow_id, True
    return fresh_id(known, run_id), False


def claim(run_id: str) -> str:
    """Inside a run: the id under which it starts the part `run_id`.

    A part that went well in this run, or in the run that this one took over from, is not done again: its id
    brings its result. Raises NotAllowed when the Hub refused the account since this run was begun.
    """
    chain = _taken_over_from(DBOS.workflow_id or "")
    known = attempts(DBOS, run_id)
    for part in known:
        if part.status == "SUCCESS" and part.parent_workflow_id in {run.workflow_id for run in chain}:
            return str(part.workflow_id)
    if chain:
        why = refusal(DBOS, run_id, since=chain[0].created_at or 0)
        if why is not None:
            raise NotAllowed(f"{why}; then `bot retry {chain[0].workflow_id}` goes on")
    return next_attempt(DBOS, run_id)[0]


def _taken_over_from(run_id: str) -> list[Any]:
    """This run, the one it is a fork of, and so on."""
    chain: list[Any] = []
    while run_id:
        found = DBOS.list_workflows(workflow_ids=[run_id], load_input=False, load_output=False)
        chain += found
        run_id = (found[0].forked_from or "") if found else ""
    return chain
