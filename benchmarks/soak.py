"""An accelerated month of the daemon: sweeps, new bases, changes and faults, on the loopback Hub.

    uv run python benchmarks/soak.py                                3,000 sweeps, 200 publishes: hours
    uv run python benchmarks/soak.py --sweeps 300 --publishes 10    a first look

A small base appears now and then under a new name, its generation config or its README changes later, and
twenty more authors are watched. The jobs are the daemon's own (`bot.unattended.jobs`), called by a clock that
each sweep moves on by a quarter of an hour; the last of each day's hundred is the night's work, with its
housekeeping. Before a sweep a fault strikes the Hub's next answers at the stated rate, and every so many
sweeps the daemon is killed (SIGKILL) and started again on the same BOT_HOME.

At the end everything that appeared is looked for on the Hub: lost is a base without its quant in public,
twice is a quant that was uploaded or patched more than once to the same base revision. Memory and file
handles are the daemon process's, by ten parts of the month.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

ACCOUNT, AUTHOR, BASE = "publisher", "upstream", "Tiny-Qwen3"
SWEEP, DAY = timedelta(minutes=14.4), 100
"""Between two sweeps, and how many are a day."""
WATCHLIST = f"""\
account: {ACCOUNT}
recipes: [q4]
approval: auto
min_age: 0s
measure:
  tasks: [boolq]
  limit: 4
  perplexity_samples: 2
  perplexity_sequence_length: 64
  speed_trials: 0
authors:
  - author: {AUTHOR}
    since: 2020-01-01
"""
QUIET = "".join(f"  - author: quiet{n}\n    since: 2020-01-01\n    match: [Never-*]\n" for n in range(20))


# ------------------------------------------------------------------ the daemon's process


def daemon() -> None:
    """Answer each line of standard input (a job and a time) with what that job left."""
    import logging

    import psutil

    from bot import settings

    known = settings.from_environment()
    settings.apply(known)  # before huggingface_hub is imported, which reads its environment then

    from bot import engine, runs
    from bot.daemon import WORKFLOWS
    from bot.huggingface import HubDoor
    from bot.journal import plans
    from bot.journal.database import journal
    from bot.unattended.desk import Desk
    from bot.unattended.jobs import Jobs

    assert WORKFLOWS
    logging.basicConfig(level=logging.WARNING)
    now = [datetime.now(UTC)]
    me = psutil.Process()
    with engine.running(known, runs.MAIN), engine.client(known) as client, journal(known) as opened:
        jobs = Jobs(
            Desk(settings=known, door=HubDoor(known), journal=opened, client=client),
            known.watchlist,
            clock=lambda: now[0],
        )
        for line in sys.stdin:
            what, at = line.split()
            now[0] = datetime.fromisoformat(at)
            {"tick": jobs.tick, "sweep": jobs.sweep, "night": jobs.night}[what]()
            left = plans.listed(opened, ("approved", "started"))
            print(
                json.dumps(
                    {"open": len(left), "rss": me.memory_info().rss, "handles": me.num_fds(),
                     "threads": me.num_threads()}
                ),
                flush=True,
            )  # fmt: skip
    engine.end_process()


class Daemon:
    """That process, as seen from outside."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment, self._log = environment, log
        self._start()

    def _start(self) -> None:
        with self._log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, __file__, "--daemon"], env=self._environment, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip

    def ask(self, what: str, at: datetime) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{what} {at.isoformat()}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"the daemon ended by itself: see {self._log}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def wait(self, at: datetime, most: int) -> dict[str, Any]:
        """Let it work until no more than so many plans are open."""
        while (found := self.ask("tick", at))["open"] > most:
            time.sleep(0.5)
        return found

    def kill(self) -> None:
        """SIGKILL, and start it again."""
        self._process.kill()
        self._process.wait()
        self._start()

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# ------------------------------------------------------------------ the world around it


class World:
    """The Hub's upstream side, and what is expected of the daemon."""

    def __init__(self, hub: Any, asked: argparse.Namespace) -> None:
        from bot.hub.store import Store
        from bot.rehearsal.bases import base_files

        self.hub, self.store, self.dice = hub, Store(hub.root), random.Random(asked.seed)
        self.files = base_files(BASE)
        self.asked = asked
        self.bases: list[str] = []
        self.happened: Counter[str] = Counter()
        # The last tenth of the month is quiet, so that it can end.
        busy = range(asked.sweeps * 9 // 10)
        self.births = set(self.dice.sample(busy, min(asked.publishes, len(busy))))

    def before(self, sweep: int) -> None:
        """Whatever happens between the former sweep and this one."""
        if sweep in self.births:
            self._born()
        elif self.bases and sweep < self.asked.sweeps * 9 // 10 and self.dice.random() < 0.02:
            self._changed(self.dice.choice(self.bases))
        if self.dice.random() < self.asked.faults:
            self._fault()

    def _born(self) -> None:
        name = f"{AUTHOR}/Base-{len(self.bases)}"
        self.store.create_repo("model", name)
        self.store.commit("model", name, self.files)
        self.bases.append(name)
        self.happened["new base"] += 1

    def _changed(self, base: str) -> None:
        if self.dice.random() < 0.5:
            text = f"---\nlicense: mit\n---\n# {base}\n{self.dice.random()}\n"
            self.store.commit("model", base, {"README.md": text.encode()})
            self.happened["README changed"] += 1
            return
        config = json.loads(self.files["generation_config.json"].read_bytes())
        config["temperature"] = round(self.dice.random(), 6)
        self.store.commit("model", base, {"generation_config.json": json.dumps(config).encode()})
        self.happened["generation config changed"] += 1

    def _fault(self) -> None:
        from bot.hub.faults import Fault

        kinds: tuple[Literal["error", "rate_limit", "cut"], ...] = ("error", "rate_limit", "cut")
        kind = self.dice.choice(kinds)
        self.hub.arm(Fault(kind=kind, path="^/(api|[^_])", times=self.dice.randint(1, 3), seconds=1, at=10))
        self.happened[f"fault: {kind}"] += 1

    def verdict(self) -> dict[str, Any]:
        """What of all that is on the Hub now."""
        from huggingface_hub import HfApi

        self.hub.disarm()
        api = HfApi(endpoint=self.hub.endpoint, token=False)
        owner = HfApi(endpoint=self.hub.endpoint, token=f"hf_{ACCOUNT}")
        lost, twice = [], []
        for base in self.bases:
            quant = f"{ACCOUNT}/{base.split('/')[1]}-q4-mlx"
            if not api.repo_exists(quant):
                lost.append(quant)
                continue
            titles = Counter(commit.title for commit in owner.list_repo_commits(quant))
            twice += [f"{quant}: {title}" for title, count in titles.items() if " at " in title and count > 1]
        return {"lost": lost, "twice": twice}


@contextmanager
def month(asked: argparse.Namespace) -> Iterator[tuple[World, Daemon, Path]]:
    from bot.hub.process import LoopbackHub
    from bot.hub.store import Store
    from bot.rehearsal.datasets import standins

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store = Store(root / "hub")
        for repo, files in standins().items():
            store.create_repo("dataset", repo)
            store.commit("dataset", repo, files)
        for number in range(20):
            store.create_repo("model", f"quiet{number}/Something")
            store.commit("model", f"quiet{number}/Something", {"README.md": b"x"})
        store.create_repo("model", f"{AUTHOR}/No-Model")
        store.commit("model", f"{AUTHOR}/No-Model", {"README.md": b"x"})
        (root / "watchlist.yaml").write_text(WATCHLIST + QUIET)
        with LoopbackHub.start(root / "hub") as hub:
            environment = os.environ | {
                "BOT_HOME": str(root / "home"), "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": f"hf_{ACCOUNT}",
                "BOT_WATCHLIST": str(root / "watchlist.yaml"), "TQDM_DISABLE": "1",
                "BOT_DATABASE_URL": "", "BOT_ACCOUNT": "", "BOT_TEMPLATES": "",
            }  # fmt: skip
            running = Daemon(environment, Path(asked.log))
            try:
                yield World(hub, asked), running, root / "home"
            finally:
                running.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--daemon", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--sweeps", type=int, default=3000)
    parser.add_argument("--publishes", type=int, default=200)
    parser.add_argument("--faults", type=float, default=0.05, help="chance of one before a sweep")
    parser.add_argument("--kill-every", type=int, default=250, help="sweeps between two SIGKILLs")
    parser.add_argument("--backlog", type=int, default=3, help="plans that may wait before the clock stands")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", default=os.devnull, help="where the daemon's warnings go")
    asked = parser.parse_args()
    if asked.daemon:
        daemon()
        return
    started = time.monotonic()
    at = datetime.now(UTC)
    seen: list[list[dict[str, Any]]] = []
    with month(asked) as (world, running, home):
        for sweep in range(asked.sweeps):
            world.before(sweep)
            if sweep and sweep % asked.kill_every == 0:
                running.kill()
                world.happened["daemon killed"] += 1
            night = sweep % DAY == DAY - 1
            if night:  # for its clock the files of a run under way would be days old, and left over
                running.wait(at, 0)
            running.ask("night" if night else "sweep", at)
            at += SWEEP
            found = running.wait(at, 0 if sweep == asked.sweeps - 1 else asked.backlog)
            if sweep % max(1, asked.sweeps // 10) == 0:
                seen.append([])
                print(
                    f"{sweep} sweeps, {time.monotonic() - started:.0f} s, {found}",
                    file=sys.stderr,
                    flush=True,
                )
            seen[-1].append(found)
        verdict = world.verdict()
        size = sum(path.stat().st_size for path in home.rglob("bot.sqlite*"))
        left = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) - size
    print(
        f"{asked.sweeps} sweeps in {time.monotonic() - started:.0f} s: "
        + ", ".join(f"{count} x {what}" for what, count in sorted(world.happened.items()))
    )
    for what in ("lost", "twice"):
        print(f"{what}: {len(verdict[what])} {verdict[what][:5]}")
    print(f"database: {size / 1e6:.1f} MB; other files in BOT_HOME: {left / 1e6:.1f} MB")
    print("\n| tenth of the month | resident | file handles | threads |\n|--:|--:|--:|--:|")
    for number, part in enumerate(seen, 1):
        middle = {key: statistics.median(each[key] for each in part) for key in ("rss", "handles", "threads")}
        print(
            f"| {number} | {middle['rss'] / 1e6:.0f} MB | {middle['handles']:.0f} | {middle['threads']:.0f} |"
        )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
