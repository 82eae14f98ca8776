"""A real publish on Postgres: by hand with status, cancel and retry; killed and taken over by another
machine; measured by two. And a backup that is restored."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.rehearsal.seed import seed
from tests.flow.conftest import BASE, Bot, children_of, kill, wait_for

SMALL = """\
account: {}
recipes: [qx64-hi]
approval: auto
min_age: 0s
measure:
  tasks: [boolq, piqa]
  limit: 4
  perplexity_samples: 0
  speed_trials: 0
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    """One Hub for all; each test publishes under an account of its own."""
    root = tmp_path_factory.mktemp("hub")
    seed(Store(root))
    with LoopbackHub.start(root) as running:
        yield running


@pytest.fixture(scope="module")
def reader(hub: LoopbackHub) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=False)


def bot_at(folder: Path, hub: LoopbackHub, account: str, **environment: str) -> Bot:
    folder.mkdir()
    bot = Bot(folder, hub.endpoint)
    bot.watchlist.write_text(SMALL.format(account) + f"repos:\n  - repo: {BASE}\n")
    bot.environment |= environment | {"HF_TOKEN": f"hf_{account}"}
    return bot


@pytest.fixture
def at(tmp_path: Path, hub: LoopbackHub) -> Callable[..., Bot]:
    """The bot of one machine: a BOT_HOME of its own."""
    return lambda name, account, **environment: bot_at(tmp_path / name, hub, account, **environment)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, hub: LoopbackHub) -> tuple[Bot, dict[str, Any]]:
    """A bot on one machine with SQLite, and what it published."""
    bot = bot_at(tmp_path_factory.mktemp("one") / "alone", hub, "alone")
    return bot, bot.json("publish", BASE, "--yes", "--watchlist", str(bot.watchlist))


def target(account: str) -> str:
    return f"{account}/Tiny-Qwen3-qx64-hi-mlx"


def runs(bot: Bot) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bot.json("status")["runs"]
    return found


def test_the_usual_commands_on_postgres(at: Callable[..., Bot], database_url: str, reader: HfApi) -> None:
    """`bot publish` with nobody else there executes by itself; `status` sees it, `cancel` ends it, `retry`
    goes on; `doctor --hosts` knows who it was. Asked again, nothing is done."""
    bot = at("mac", "hand", BOT_DATABASE_URL=database_url)
    process = bot.start("publish", BASE, "--yes", "--watchlist", str(bot.watchlist))
    wait_for(lambda: children_of(process, "bot.measure"), 300, "the measuring")
    (family,) = [run["id"] for run in runs(bot) if run["kind"] == "family"]
    bot.json("cancel", family)
    process.communicate(timeout=60)
    assert process.returncode == 12
    assert not reader.repo_exists(target("hand"))

    assert bot("retry", family).returncode == 0
    assert reader.repo_exists(target("hand"))
    states = {run["id"]: run["state"] for run in runs(bot)}
    assert states == {family: "cancelled", f"{family}~2": "done", **published(states)}
    (host,) = bot.json("doctor", "--hosts")
    assert (host["alive"], host["tags"], host["runs"]) == (False, ["linux-cpu"], [])

    again = bot.json("publish", BASE, "--yes", "--watchlist", str(bot.watchlist))
    assert [o["status"] for o in again["result"]["outcomes"]] == ["already"]
    assert len(reader.list_repo_commits(target("hand"))) == 2


def published(states: dict[str, str]) -> dict[str, str]:
    (one,) = [run for run in states if run.startswith("publish:")]
    return {one: "done"}


def test_a_publish_whose_machine_dies_is_finished_by_another_machine_once(
    at: Callable[..., Bot], database_url: str, reader: HfApi
) -> None:
    """One worker of two machines is killed with its quants on its disk; the other has nothing of them, begins
    anew and publishes: one commit of files, one public repo, the old attempt shown as moved."""
    told = {"BOT_DATABASE_URL": database_url, "BOT_TAKE_OVER_AFTER": "2"}
    ultra, mini = at("ultra", "fleet", **told), at("mini", "fleet", **told)
    first = ultra.start("worker", "--tag", "studio")
    second = None
    follower = None
    try:
        wait_for(lambda: [host for host in hosts(ultra) if host["alive"]], 150, "the first worker")
        follower = ultra.start("publish", BASE, "--yes", "--json", "--watchlist", str(ultra.watchlist))
        wait_for(lambda: children_of(first, "bot.measure"), 300, "the first machine to measure")
        second = mini.start("worker")
        wait_for(lambda: len([host for host in hosts(mini) if host["alive"]]) == 2, 150, "the second worker")
        kill(first)
        out, err = follower.communicate(timeout=500)
    finally:
        for process in (first, second, follower):
            if process is not None and process.poll() is None:
                kill(process)
    assert follower.returncode == 0, err
    assert [o["status"] for o in json.loads(out)["result"]["outcomes"]] == ["published"]
    assert len(reader.list_repo_commits(target("fleet"))) == 2
    found = runs(mini)
    families = {run["id"]: run for run in found if run["kind"] == "family"}
    assert sorted(run["state"] for run in families.values()) == ["done", "moved"]
    (moved,) = [run for run in families.values() if run["state"] == "moved"]
    assert families[moved["went_on_as"]]["retry_of"] == moved["id"]
    assert "fetch" in mini.stages()


def hosts(bot: Bot) -> list[dict[str, Any]]:
    done = bot("doctor", "--hosts", "--json")
    found: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
    return found


def test_two_machines_measure_one_family_and_the_numbers_are_those_of_one(
    at: Callable[..., Bot], database_url: str, alone: tuple[Bot, dict[str, Any]]
) -> None:
    """The questions are shared out; the other machine's answers come back into the family's store. Scores and
    the outcome of every question are those that one machine alone finds."""
    told = {"BOT_DATABASE_URL": database_url, "BOT_SPLIT_FROM": "0"}
    one, expected = alone
    ultra, mini = at("ultra", "two", **told), at("mini", "two", **told)
    workers = [ultra.start("worker", "--tag", "first"), mini.start("worker")]
    try:
        wait_for(lambda: len([host for host in hosts(ultra) if host["alive"]]) == 2, 150, "two workers")
        found = ultra.json("publish", BASE, "--yes", "--watchlist", str(ultra.watchlist))
    finally:
        for worker in workers:
            kill(worker)
    assert scores(found) == scores(expected)
    there, here = computed(ultra), computed(mini)
    assert there, "both machines measured"
    assert here
    assert there.isdisjoint(here), "no model was asked twice"
    assert there | here == computed(one)
    for name, data in outcomes(one).items():
        assert outcomes(ultra, mini)[name] == data


def scores(published: dict[str, Any]) -> Any:
    (outcome,) = published["result"]["outcomes"]
    base = published["result"]["base_measurement"]
    return [
        [
            (score["task"], score["value"], score["stderr"], score["answers"], score["outcomes"])
            for score in one["tasks"]
        ]
        for one in (base, outcome["measurement"])
    ]


def computed(bot: Bot) -> set[str]:
    """The models whose answers were computed on this machine, by their identity."""
    return {path.parent.name for path in bot.home.glob("hubs/*/measurements/*/answers.sqlite")}


def outcomes(*bots: Bot) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for bot in bots
        for path in bot.home.glob("hubs/*/measurements/*/*.outcomes.gz")
    }


def test_a_backup_of_a_running_bot_restored_elsewhere_tells_the_same_and_publishes_nothing_twice(
    at: Callable[..., Bot], alone: tuple[Bot, dict[str, Any]], reader: HfApi
) -> None:
    """As docs/backup.md says: VACUUM INTO beside a running bot, copied to another BOT_HOME. `status` tells
    what it told, and `publish` finds everything done."""
    old, _ = alone
    new = at("new", "alone")
    worker = old.start("worker")
    try:
        wait_for(lambda: [host for host in hosts(old) if host["alive"]], 150, "the running bot")
        (source,) = old.home.glob("hubs/*/bot.sqlite")
        folder = new.home / source.parent.relative_to(old.home)
        folder.mkdir(parents=True)
        with sqlite3.connect(source) as connection:
            connection.execute("VACUUM INTO ?", (str(folder / "bot.sqlite"),))
        shutil.copy(old.home / "host-id", new.home / "host-id")
        shutil.copytree(source.parent / "measurements", folder / "measurements")
    finally:
        kill(worker)

    assert runs(new) == runs(old)
    again = new.json("publish", BASE, "--yes", "--watchlist", str(new.watchlist))
    assert [o["status"] for o in again["result"]["outcomes"]] == ["already"]
    assert len(reader.list_repo_commits(target("alone"))) == 2
