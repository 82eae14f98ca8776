"""What people read: `bot plan`, `bot history` and their like over a journal, in a terminal of 80 columns."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from bot import settings
from bot.cli import app
from bot.errors import BotError
from bot.journal.database import journal
from bot.journal.timeline import tell
from bot.plan import decisions
from bot.plan.proposal import Estimate
from bot.plan.rules import Verdict
from tests.plan.proposals import GB, base, planned, proposal

ASK = Verdict(outcome="ask", rule="approval, watchlist.yaml:14", why="everything asks")
START = Verdict(outcome="start", rule="approval, watchlist.yaml:14", why="it may be made without asking")
TAKES = Estimate(
    seconds=11_520,
    seconds_low=10_080,
    seconds_high=14_760,
    disk_bytes=31 * GB,
    memory_bytes=9 * GB,
    upload_bytes=2 * GB,
    private_bytes=GB,
    basis="from 3 runs on this machine (Qwen3-4B)",
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A BOT_HOME of its own, no watchlist, a terminal of 80 columns."""
    for name, value in {
        "BOT_HOME": str(tmp_path / "home"),
        "BOT_WATCHLIST": str(tmp_path / "watchlist.yaml"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "COLUMNS": "80",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(settings, "apply", lambda _: None)  # the tests' own environment stays as it is
    return tmp_path / "home"


def run(*arguments: str) -> str:
    """What the command prints. Raises the BotError that `main` would say."""
    done = CliRunner().invoke(app, arguments)
    if isinstance(done.exception, BotError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def keep_some() -> dict[str, str]:
    """A plan that waits, one approved, one running, one refused; by what became of it, its id."""
    with journal(settings.from_environment()) as opened:
        waits = proposal("Qwen/Qwen3-8B", of=base(), estimate=TAKES)
        waits = replace(waits, plan=planned(base(), "qx86-hi", "qx64-hi"))
        decisions.propose(opened, waits, ASK)
        for name in ("approved", "running", "refused"):
            decisions.propose(opened, proposal(f"a/{name}"), START)
        ids = {name: proposal(f"a/{name}").id for name in ("approved", "running", "refused")}
        decisions.started(opened, ids["running"], "family:a/running@1")
        decisions.refuse(opened, ids["refused"], "ann", "too much")
    return ids | {"waiting": waits.id}


def test_the_list_says_what_why_and_what_to_type() -> None:
    """By what becomes of them; what is over only with --all; no line is wider than the terminal."""
    ids = keep_some()
    text = run("plan")
    for line in (
        "Running",
        "Waiting for your yes: bot approve ID, or bot refuse ID",
        f"  {ids['waiting']}",
        "    Qwen/Qwen3-8B, a new base, just now",
        "    qx86-hi 953.7 MiB, qx64-hi 953.7 MiB to me, public when verified",
        "    28.9 GiB disk, 8.4 GiB memory, 1.9 GiB upload, about 3.2 h (2.8 to 4.1 h)",
        "    why it waits: everything asks (approval, watchlist.yaml:14)",
        "Approved, the next to start first",
    ):
        assert line in text.splitlines()
    assert "Refused" not in text
    assert "by ann: too much" in run("plan", "--all")


def test_one_plan_whole() -> None:
    """By its id alone, by its base, and as JSON for programs."""
    ids = keep_some()
    text = run("plan", ids["waiting"])
    for line in (
        "disk        28.9 GiB in BOT_HOME at most",
        "Hub         1.9 GiB more, 953.7 MiB of it private at a time",
        "time        about 3.2 h, 2.8 to 4.1 h, from 3 runs on this machine (Qwen3-4B)",
        "state       waiting for your yes",
        "rule        everything asks (approval, watchlist.yaml:14)",
    ):
        assert line in text
    found = json.loads(run("plan", "show", "qwen/qwen3-8b", "--json"))
    assert found["proposal"]["id"] == ids["waiting"]
    assert json.loads(run("plan", "--json"))[0].keys() >= {"id", "state", "proposal", "now"}


def test_approved_plans_say_what_they_wait_for(tmp_path: Path) -> None:
    """With the watchlist's budget: the rule and its line."""
    ids = keep_some()
    (tmp_path / "watchlist.yaml").write_text(
        "recipes: [q8]\nbudget:\n  quiet: [00:00-23:59]\nrepos: [{repo: a/b}]\n"
    )
    listed: list[dict[str, Any]] = json.loads(run("plan", "--json"))
    now = next(one["now"] for one in listed if one["id"] == ids["approved"])
    assert (now["outcome"], now["rule"]) == ("later", "quiet, watchlist.yaml:3")
    assert "(quiet, watchlist.yaml:3)" in run("plan")


def test_history_by_day_kind_repo_and_age() -> None:
    """The newest last, under its day; control characters of a text do nothing to the terminal."""
    ids = keep_some()
    with journal(settings.from_environment()) as opened:
        tell(opened, "found", "old/base", "old/base: a new base", at=time.time() - 9 * 86_400)
        tell(opened, "trouble", "", "the Hub is \x1b[31mdown [bold]")
    text = run("history")
    assert text.index("old/base") < text.index("Qwen/Qwen3-8B")
    assert sum(line[:1].isalpha() for line in text.splitlines()) == 2
    assert "\x1b" not in text
    assert "down [bold]" in text
    assert "old/base" not in run("history", "--since", "7d")
    refused = json.loads(run("history", "--repo", "a/refused", "--kind", "decided", "--json"))
    assert [event["text"] for event in refused] == [
        "a/refused: a new base; approved: it may be made without asking (approval, watchlist.yaml:14)",
        f"a/refused: ann refused {ids['refused']}: too much",
    ]
    assert run("history", "--kind", "digest") == "Nothing of that happened.\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan", "nothing"), "no plan about 'nothing' waits: `bot plan` lists them"),
        (("plan", "edit", "nothing", "--add", "q8"), "no plan about 'nothing' waits"),
        (("approve", "nothing"), "no plan about 'nothing' waits"),
        (("refuse", "a/b"), "no plan about 'a/b' waits"),
        (("history", "--since", "week"), "--since: 'week' is no duration; write a number and"),
        (("history", "--kind", "made"), "--kind 'made' is no kind of event: it may be found, waiting"),
        (("show", "nothing"), "there is no run 'nothing'"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(
    home: Path, arguments: tuple[str, ...], says: str
) -> None:
    """Looking where nothing ever was makes no database."""
    with pytest.raises(BotError) as error:
        run(*arguments)
    assert says in str(error.value)
    assert not home.exists()


def test_nothing_to_see_says_what_to_do(home: Path) -> None:
    """Empty lists name the next command."""
    assert "bot plan OWNER/NAME" in run("plan")
    assert run("history") == "Nothing happened yet.\n"
    assert json.loads(run("plan", "--json")) == []
    assert [json.loads(line)["type"] for line in run("export").splitlines()] == ["export"]
    assert not home.exists()


def test_what_looks_like_a_secret_is_not_exported() -> None:
    """A token or a password in an address that a text let slip through is struck out; the rest is there."""
    with journal(settings.from_environment()) as opened:
        tell(
            opened, "trouble", "x", "token hf_abcdefghij1234567890 at postgres://ann:pass-word@host/db failed"
        )
    lines = [json.loads(line) for line in run("export").splitlines()]
    assert [line["type"] for line in lines] == ["export", "event"]
    assert lines[1]["text"] == "token [secret] at postgres://[secret]@host/db failed"
