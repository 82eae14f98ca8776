"""Locks that say who lives: held as long as the process and its connection live, and freed by no clock.

On SQLite a lock is a file of this machine. On Postgres it is a session advisory lock on a connection of its
own, which other machines can see: the server frees it when that connection ends, and ends the connection of a
machine that went silent (`SETTINGS`).
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

import filelock
import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError

from bot.journal.database import told
from bot.settings import Settings

SETTINGS = {
    "idle_session_timeout": "180s",  # a process that was frozen: a laptop that sleeps
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",  # a machine that is gone, or its network
}
"""What the server is told about the connection that holds the locks. Postgres 14 knows all of them."""
OURS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "qx-bot lock",
}
"""The same on this side, so that a lost connection is noticed within some fifteen seconds."""
AGAIN = 0.1
"""Seconds between two tries at a lock."""

HELD = sqlalchemy.text(
    "SELECT classid::bigint, objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Locks(Protocol):
    """The locks of one process."""

    def hold(self, name: str, patience: float = 0.0) -> None:
        """Take a lock and keep it. Raises filelock.Timeout when another process has it after `patience`
        seconds."""

    def still_held(self) -> bool:
        """Whether what is held is held still. Once False, it stays so."""

    def borrowed(self, name: str) -> contextlib.AbstractContextManager[bool]:
        """Whether a lock was free; if so it is ours for the length of the block."""

    def held(self, names: Collection[str]) -> set[str]:
        """Which of these locks somebody holds, as far as can be seen from here. Raises HostError."""

    def close(self) -> None:
        """Free all."""


def open_locks(settings: Settings) -> Locks:
    """The locks of this database. Raises HostError when it is out of reach."""
    return PostgresLocks(settings.database_url) if settings.database_url else FileLocks(settings.state)


def lock_file(state: Path, name: str) -> filelock.FileLock:
    """The lock of that name as a file; the system frees it when its process dies."""
    folder = state / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(folder / f"{name}.lock", thread_local=False)


class FileLocks:
    """Locks among the processes of one machine."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._mine: dict[str, filelock.FileLock] = {}

    def hold(self, name: str, patience: float = 0.0) -> None:
        lock = lock_file(self._state, name)
        lock.acquire(timeout=patience, poll_interval=AGAIN)
        self._mine[name] = lock

    def still_held(self) -> bool:
        return True

    @contextlib.contextmanager
    def borrowed(self, name: str) -> Iterator[bool]:
        lock = lock_file(self._state, name)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def held(self, names: Collection[str]) -> set[str]:
        return {name for name in names if name in self._mine or self._is_held(name)}

    def _is_held(self, name: str) -> bool:
        with self.borrowed(name) as free:
            return not free

    def close(self) -> None:
        for lock in self._mine.values():
            lock.release()
        self._mine.clear()


class PostgresLocks:
    """Locks among all processes on one Postgres: advisory locks of one session. Needs a direct connection:
    a pooler that shares sessions (PgBouncer by transaction) would share the locks too."""

    def __init__(self, url: str) -> None:
        """Raises HostError when the database is out of reach."""
        address = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
        self._engine = sqlalchemy.create_engine(
            address, poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT", connect_args=OURS
        )
        self._one_at_a_time = threading.Lock()
        self._lost = False
        with told():
            self._session = self._engine.connect()
            for name, value in SETTINGS.items():
                self._session.exec_driver_sql(f"SET {name} = '{value}'")

    def hold(self, name: str, patience: float = 0.0) -> None:
        end = time.monotonic() + patience
        with told():
            while not self._try(name):
                if time.monotonic() >= end:
                    raise filelock.Timeout(name)
                time.sleep(AGAIN)

    def still_held(self) -> bool:
        if not self._lost:
            try:
                self._ask("SELECT true")
            except SQLAlchemyError:
                self._lost = True
        return not self._lost

    @contextlib.contextmanager
    def borrowed(self, name: str) -> Iterator[bool]:
        free = self._try(name)
        try:
            yield free
        finally:
            if free:
                self._ask("SELECT pg_advisory_unlock(:key)", key=advisory_key(name))

    def held(self, names: Collection[str]) -> set[str]:
        with told(), self._one_at_a_time:
            rows = self._session.execute(HELD).all()
        keys = {(int(high) << 32) | int(low) for high, low in rows}
        return {name for name in names if advisory_key(name) % 2**64 in keys}

    def _try(self, name: str) -> bool:
        return self._ask("SELECT pg_try_advisory_lock(:key)", key=advisory_key(name))

    def _ask(self, question: str, **values: int) -> bool:
        with self._one_at_a_time:
            return bool(self._session.execute(sqlalchemy.text(question), values).scalar())

    def close(self) -> None:
        with contextlib.suppress(SQLAlchemyError):
            self._session.close()
        self._engine.dispose()


def advisory_key(name: str) -> int:
    """Postgres locks numbers: the first 64 bits of the name's SHA-256, signed."""
    digest = hashlib.sha256(f"qx-bot:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
