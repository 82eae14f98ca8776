"""A night's housekeeping on a home that has run for years: thousands of runs, folders, rows, measurements."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from dbos import DBOS, SetWorkflowID

from bot import engine, runs
from bot.housekeeping.files import newest_change
from bot.housekeeping.nightly import keep_house
from bot.housekeeping.rules import DAY, Bounds
from bot.journal import notices
from bot.journal.database import Journal, open_journal
from bot.journal.tables import delivery, notice, plan, worker
from bot.settings import Settings

BOUNDS = Bounds(days=90, least=20, most=300)
REQUESTS = 2000
OLD = 400.0
"""Days over which they are spread."""


@DBOS.step(name="housekeeping step")
def work(text: str) -> str:
    if text == "fails":
        raise ValueError("it fails")
    return text


@DBOS.workflow(name="housekeeping request")
def request(text: str) -> str:
    return work(text)


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, float]:
    """A home with REQUESTS ended runs, each with its folder: two real ones, copied as the database keeps
    them, at other times under other names. And the time it is."""
    known = Settings(home=tmp_path_factory.mktemp("years"))
    with engine.running(known, "main"):
        for name, text in (("family:a/model@sha+0", "goes well"), ("family:a/model@sha+1", "fails")):
            with SetWorkflowID(name):
                handle = DBOS.start_workflow(request, text)
            with contextlib.suppress(ValueError):
                handle.get_result()
    database = sqlalchemy.create_engine(known.database)
    with database.begin() as connection:
        _copy(connection)
        now = float(connection.scalar(sqlalchemy.text("SELECT max(created_at) FROM workflow_status"))) / 1000
    database.dispose()
    for number in range(REQUESTS):
        folder = known.run_folder(f"family:a/model@sha+{number}")
        folder.mkdir(parents=True)
        (folder / "log.txt").write_text(f"run {number}\n")
    return known, now + 60


def _copy(connection: sqlalchemy.Connection) -> None:
    """Rows 2 to REQUESTS of all tables that hold something of a run; the lower the number, the older."""
    for table in ("workflow_status", "workflow_input", "workflow_output", "operation_outputs"):
        columns = [c["name"] for c in sqlalchemy.inspect(connection).get_columns(table)]
        others = ", ".join(f'"{c}"' for c in columns if c != "workflow_uuid")
        connection.execute(
            sqlalchemy.text(
                "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < :last - 1) "
                f"INSERT INTO {table} (workflow_uuid, {others}) "
                f"SELECT 'family:a/model@sha+' || i, {others} FROM n JOIN {table} "
                "ON workflow_uuid = 'family:a/model@sha+' || (i % 2)"
            ),
            {"last": REQUESTS},
        )
    connection.execute(
        sqlalchemy.text(
            "UPDATE workflow_status SET "
            "created_at = created_at - :span * (:last - 1 - CAST(substr(workflow_uuid, 20) AS INTEGER)), "
            "completed_at = completed_at - :span * (:last - 1 - CAST(substr(workflow_uuid, 20) AS INTEGER))"
        ),
        {"span": int(OLD * DAY * 1000 / REQUESTS), "last": REQUESTS},
    )


@pytest.fixture
def journal(years: tuple[Settings, float]) -> Iterator[Journal]:
    opened = open_journal(years[0])
    yield opened
    opened.close()


def counted(known: Settings) -> dict[str, int]:
    database = sqlalchemy.create_engine(known.database)
    with database.connect() as connection:
        tables = ("workflow_status", "workflow_input", "workflow_output", "operation_outputs")
        found = {
            name: int(connection.scalar(sqlalchemy.text(f"SELECT count(*) FROM {name}")) or 0)
            for name in tables
        }
    database.dispose()
    return found


def test_thousands_of_old_runs_are_brought_within_their_bounds(
    years: tuple[Settings, float], journal: Journal
) -> None:
    """Rows of all of DBOS's tables and folders go together; what stays can be listed and retried; the next
    night finds nothing to do."""
    known, now = years
    before = counted(known)
    assert before["workflow_status"] == REQUESTS
    freed = keep_house(known, journal, now, BOUNDS)
    after = counted(known)
    assert freed.runs == REQUESTS - BOUNDS.most
    assert after["workflow_status"] == BOUNDS.most
    for name, number in before.items():
        assert after[name] <= number * BOUNDS.most / REQUESTS + 1
    folders = {path.name for path in (known.state / "runs").iterdir()}
    with engine.client(known) as client:
        left = client.list_workflows(load_input=False)
        assert folders == {known.run_folder(run.workflow_id).name for run in left}
        failed = next(run for run in left if run.status == "ERROR")
        assert "it fails" in str(runs.describe(client, failed).error)
        assert runs.describe(client, failed).steps[0].error
    assert keep_house(known, journal, now, BOUNDS).runs == 0


def test_what_is_under_way_is_never_touched(years: tuple[Settings, float], journal: Journal) -> None:
    """With a bound of nothing at all: the run that waits in the queue, and the newest of its base, stay."""
    known, now = years
    with engine.client(known) as client:
        failed = client.list_workflows(status="ERROR", limit=1, load_input=False)[0]
        waiting = {engine.fork(client, failed.workflow_id), failed.workflow_id}
        keep_house(known, journal, now + 1000 * DAY, Bounds(days=1, least=0, most=0))
        left = {run.workflow_id for run in client.list_workflows(load_input=False, load_output=False)}
    assert waiting <= left
    assert len(left) <= len(waiting) + 1


def test_rows_that_nobody_asks_for_go(years: tuple[Settings, float], journal: Journal) -> None:
    """Old deliveries, notices, workers and settled plans; never a plan that waits or was refused, the newest
    of a base, one that keeps a base frozen, or since when a service is told."""
    known, now = years
    old, new = now - 400 * DAY, now - DAY

    def kept(id_: str, repo: str, state: str, at: float, action: str = "make") -> dict[str, Any]:
        row = {"id": id_, "repo": repo, "sha": "s", "state": state, "created_at": at}
        return row | {"proposal": {"action": action}}

    with journal.writing() as connection:
        connection.execute(delivery.insert(), [{"digest": "a", "at": old}, {"digest": "b", "at": new}])
        connection.execute(
            worker.insert(), [{"executor": "a", "beat_at": old}, {"executor": "b", "beat_at": new}]
        )
        connection.execute(
            plan.insert(),
            [
                kept("1", "a/x", "over", old),
                kept("2", "a/x", "refused", old + 1),
                kept("3", "a/x", "over", new),
                kept("4", "a/y", "refused", old),
                kept("5", "a/z", "waiting", old),
                kept("6", "a/z", "over", new),
                kept("7", "a/z", "superseded", old + 1, "freeze"),
                kept("8", "a/z", "superseded", old + 2),
            ],
        )
    notices.note(journal, ["first:slack-1", "event:slack-1:1"], old)
    notices.note(journal, ["event:slack-1:2"], new)
    assert keep_house(known, journal, now, BOUNDS).rows == 5
    with journal.reading() as connection:
        assert set(connection.scalars(sqlalchemy.select(plan.c.id))) == {"2", "3", "4", "5", "6", "7"}
        assert set(connection.scalars(sqlalchemy.select(notice.c.key))) == {
            "first:slack-1",
            "event:slack-1:2",
        }
        assert list(connection.scalars(sqlalchemy.select(delivery.c.digest))) == ["b"]
        assert "a" not in set(connection.scalars(sqlalchemy.select(worker.c.executor)))


def aged(path: Path, size: int, when: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 99 + b"\n" if size == 100 else (b"x" * 99 + b"\n") * (size // 100))
    os.utime(path, (when, when))
    os.utime(path.parent, (when, when))
    return path


def test_files_are_bounded(years: tuple[Settings, float], journal: Journal) -> None:
    """A child's log of megabytes keeps its end; answers of a model long unmeasured go, its scores stay; of
    too many measurements the oldest go; a killed upload's copy and the folder of a run nobody knows go."""
    known, now = years
    old = now - 200 * DAY
    log = aged(known.state / "logs" / "quantize.txt", 5_000_000, now - 2 * 3600)
    busy = aged(known.state / "logs" / "measure.txt", 5_000_000, now - 60)
    store = known.measurements
    answers = aged(store / "model-a" / "answers.sqlite", 1000, old)
    score = aged(store / "model-a" / "score.json", 1000, now - 120 * DAY)
    os.utime(score.parent, (old, old))
    largest = aged(store / "model-b" / "score.json", 50_000, old)
    fresh = aged(store / "model-c" / "score.json", 50_000, now - DAY)
    copy = aged(known.home / "release-abc" / "model.safetensors", 1000, old)
    orphan = aged(known.state / "runs" / "nobody-12345678" / "log.txt", 1000, old)
    young = aged(known.state / "runs" / "somebody-12345678" / "log.txt", 1000, now - DAY)
    freed = keep_house(known, journal, now, Bounds(measurement_bytes=60_000))
    assert log.stat().st_size == 2_000_000
    assert busy.stat().st_size == 5_000_000
    assert not answers.exists()
    assert score.exists()
    assert newest_change(score.parent) < now - 119 * DAY, "to take its answers away is no measuring"
    assert not largest.parent.exists()
    assert fresh.exists()
    assert not copy.parent.exists()
    assert not orphan.parent.exists()
    assert young.exists()
    assert freed.size == 3_000_000 + 1000 + 50_000 + 1000 + 1000


def test_a_home_where_nothing_ran_is_no_trouble(tmp_path: Path) -> None:
    """The first night, with the journal alone: nothing to do, nothing broken."""
    known = Settings(home=tmp_path)
    opened = open_journal(known)
    assert keep_house(known, opened, 0.0).runs == 0
    opened.close()
