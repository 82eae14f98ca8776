"""Plans from the outside: `bot plan`, `approve`, `refuse`, `history`, `show`, `export` against a real Hub."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from bot import engine
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.journal.database import journal
from bot.plan import past, room
from bot.settings import Settings
from bot.space.folders import make_room, needs
from tests.flow.conftest import ACCOUNT, BASE, Bot

TARGET = f"{ACCOUNT}/Tiny-Qwen3-qx64-hi-mlx"


def test_a_plan_is_read_kept_edited_approved_and_refused(bot: Bot, store: Store) -> None:
    """Looking keeps nothing; what is kept waits; an edit predicts anew; yes and no stand in the history."""
    seen = bot.json("plan", BASE)
    assert [quant["repo"] for quant in seen["proposal"]["plan"]["quants"]] == [TARGET]
    assert seen["verdict"]["outcome"] == "start"
    assert seen["verdict"]["rule"] == "approval, watchlist.yaml:3"
    assert seen["proposal"]["estimate"]["seconds"] is None
    assert not bot.home.exists() or not list(bot.home.rglob("bot.sqlite"))

    kept = bot.json("plan", BASE, "--keep", "--recipe", "q8-hi", "--recipe", "qx64-hi")["kept"]
    id_ = kept["proposal"]["id"]
    assert kept["state"] == "waiting"
    table = bot("plan", COLUMNS="80").stdout
    for word in (
        "Waiting for your yes",
        id_,
        BASE,
        "qx64-hi",
        "to tester",
        "disk",
        "memory",
        "time not known",
    ):
        assert word in table

    edited = bot.json("plan", "edit", id_, "--without", "q8-hi", "--keep-private")
    assert [quant["recipe"] for quant in edited["proposal"]["plan"]["quants"]] == ["qx64-hi"]
    assert edited["proposal"]["estimate"]["upload_bytes"] < kept["proposal"]["estimate"]["upload_bytes"]
    assert edited["proposal"]["plan"]["keep_private"]
    assert edited["state"] == "waiting"

    assert bot.json("approve", TARGET)["plan"]["state"] == "approved"
    refused = bot("refuse", BASE, "--why", "not this week")
    assert refused.returncode == 0, refused.stderr
    again = bot("approve", id_)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "is refused already" in again.stderr

    told = bot.json("history", "--since", "1h", "--repo", BASE)
    assert [event["kind"] for event in told] == ["waiting", "decided", "decided", "decided"]
    assert "not this week" in told[-1]["text"]
    assert not store.exists("model", TARGET)


def test_what_a_run_took_is_what_the_next_is_expected_to_take(bot: Bot, hub: LoopbackHub) -> None:
    """After one run: a time for what is like it, the run step by step, an export
    without secrets, the hours worked, and folders that may go."""
    text = (
        bot.watchlist.read_text().replace("[boolq, piqa]", "[]").replace("speed_trials: 1", "speed_trials: 0")
    )
    bot.watchlist.write_text(text)  # what was measured plays no part here
    done = bot("publish", BASE, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    estimate = bot.json("plan", BASE, "--recipe", "q8-hi")["proposal"]["estimate"]
    assert estimate["seconds"] > 0
    assert estimate["basis"] == "from 1 run on this machine (Tiny-Qwen3)"

    shown = bot.json("show", BASE)
    assert {"fetch", "quantize", "measure"} <= {step["name"] for step in shown["steps"]}
    assert [child["kind"] for child in shown["published"]] == ["publish"]
    text = bot("show", shown["id"], "--log").stdout
    for word in ("quantize", "took", "upload", "log ("):
        assert word in text

    lines = [json.loads(line) for line in bot("export").stdout.splitlines()]
    assert lines[0]["format"] == "qx-export-1"
    runs = {line["id"]: line for line in lines if line["type"] == "run"}
    assert runs[shown["id"]]["result"]["outcomes"][0]["status"] == "published"
    assert "hf_" not in json.dumps(lines)
    _worked_and_may_go(Settings(home=bot.home, endpoint=hub.endpoint))


def _worked_and_may_go(known: Settings) -> None:
    """The same, asked of the library: a clock of today, and what DBOS says of who needs which folder."""
    with journal(known) as opened, engine.client(known) as client:
        runs = past.past_runs(client)
        assert [run.machine for run in runs] == [past.machine_of(known)]
        assert set(runs[0].seconds) == {"fetch", "quantize", "measure", "publish"}
        now = datetime.now().astimezone()
        worked = room.worked(known, client, now)
        assert (
            0.5 * sum(runs[0].seconds.values()) < worked < (now - now.replace(hour=0)).total_seconds() + 3600
        )
        found = needs(opened, client)
        assert not found.at_work
        assert {name for name, _ in found.published} == {TARGET.split("/")[1]}
        left = known.state / "work" / f"{BASE.replace('/', '--')}@{runs and 'a' * 12}" / "base"
        left.mkdir(parents=True)
        (left / "model").write_text("x")
        assert [Path(one.path) for one in make_room(known, opened, client)] == [left]
        assert not left.exists()
