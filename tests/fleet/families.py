"""Made-up families for the tests of the engine: real workflows, real child processes, and a mark in a file
for all that is done. `python -m tests.fleet.families NAME MEMORY TAG...` is a worker that knows them.

A family makes a thing on this machine's disk, "measures" it in a child process, and publishes it in a
workflow of its own, as the real one does. A publish looks whether its thing is out already; that is what
makes one that was killed in the middle repeatable.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from dbos import DBOS, SetWorkflowID

from bot import engine, settings
from bot.errors import BotError, NotAllowed
from bot.fleet import work

CHILD = "import select, sys; select.select([sys.stdin], [], [], float(sys.argv[1]))"
"""Takes so many seconds, and ends with its parent, as the real children do."""


def mark(text: str) -> None:
    """One line, written whole."""
    with Path(os.environ["MARKS"]).open("a") as file:
        file.write(text + "\n")


def in_child(seconds: float) -> None:
    if not seconds or os.environ.get("FAST"):
        return
    command = [sys.executable, "-c", CHILD, str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        child.wait()


def thing(plan: str) -> Path:
    return settings.from_environment().state / "work" / plan


@DBOS.step(name="made-up make")
def make(plan: str, seconds: float) -> str:
    folder = thing(plan)
    folder.mkdir(parents=True, exist_ok=True)
    in_child(seconds)
    (folder / "weights").write_text(plan)
    return str(folder)


@DBOS.step(name="made-up measure")
def measure(plan: str, folder: str, seconds: float) -> int:
    """Raises FileNotFoundError where the folder was made on another machine."""
    in_child(seconds)
    return len(Path(folder, "weights").read_text())


@DBOS.step(name="made-up claim")
def claim(part: str) -> str:
    return engine.claim(part)


@DBOS.step(name="put out")
def put_out(plan: str, number: int, folder: str) -> str:
    name = Path(folder, "weights").read_text()
    out = Path(os.environ["MARKS"]).with_name("hub") / f"{name}-{number}"
    if not out.exists():
        out.mkdir(parents=True)
        mark(f"published {name}-{number}")
    return name


@DBOS.step(name="refuse")
def refuse(account: str) -> None:
    mark(f"tried {account}")
    if Path(os.environ["MARKS"]).with_name(f"revoked-{account}").exists():
        raise NotAllowed(f"the Hub refuses the token for {account}: set HF_TOKEN to a valid one")


@DBOS.workflow(name="made-up publish")
def publish(plan: str, number: int, folder: str, account: str) -> str:
    refuse(account)
    time.sleep(5.0 if os.environ.get("SLOW_PART") == str(number) else 0.1)
    return put_out(plan, number, folder)


@DBOS.workflow(name="made-up family")
def family(plan: str, seconds: float, parts: int = 2, account: str = "acc") -> dict[str, int]:
    folder = make(plan, seconds)
    size = measure(plan, folder, seconds)
    done = 0
    for number in range(parts):
        name = claim(f"publish:{account}/{plan}-{number}@1+q")
        with SetWorkflowID(name):
            handle = DBOS.start_workflow(publish, plan, number, folder, account)
        try:
            done += handle.get_result() == plan
        except Exception as error:  # noqa: BLE001  as the real family: its siblings go on
            mark(f"failed {plan}-{number}: {getattr(error, 'name', type(error).__name__)}")
    mark(f"ended {plan}")
    return {"size": size, "published": done}


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("bot").setLevel(logging.INFO)
    name, memory, *tags = sys.argv[1:]
    try:
        work.work(settings.from_environment(), name, tuple(tags), int(memory))
    except BotError as error:
        print(f"bot: {error}", file=sys.stderr, flush=True)
        engine.end_process(error.exit_code)
        sys.exit(error.exit_code)
    engine.end_process()


if __name__ == "__main__":
    main()
