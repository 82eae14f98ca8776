"""`bot notify`: each service is told a word, and the digest can be looked at without being sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.notify import notify
from bot.errors import ConfigError, UsageError
from bot.journal.database import Journal
from bot.journal.timeline import tell
from bot.settings import Settings
from tests.notify.conftest import PASSWORD, Inbox


@pytest.fixture
def watchlist(tmp_path: Path, known: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a bot whose environment is this process's."""
    monkeypatch.setenv("BOT_HOME", str(known.home))
    monkeypatch.setenv("HF_ENDPOINT", known.endpoint)
    path = tmp_path / "watchlist.yaml"
    path.write_text("account: tester\nrecipes: [qx64-hi]\nrepos: [{repo: Qwen/A}]\n")
    return path


def test_each_service_is_tried(watchlist: Path, inbox: Inbox, other: Inbox) -> None:
    """The real command: one takes the message, one is broken; a line for each, the exit code says it, and no
    password is shown."""
    other.answers = "500"
    done = subprocess.run(
        [sys.executable, "-m", "bot", "notify", "--watchlist", str(watchlist)],
        env={**os.environ, "BOT_NOTIFY": f"{inbox.url} {other.url}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert inbox.titles == ["qx-bot: a test"]
    assert done.returncode == 9
    lines = done.stdout.splitlines()
    assert lines[0].split(None, 1) == ["json-1", "took it"]
    assert lines[1].startswith("json-2")
    assert "500" in lines[1]
    assert done.stderr == "bot: json-2 did not take the message: check the URL and the network\n"
    assert PASSWORD not in done.stdout + done.stderr


def test_without_services_it_is_said_what_to_set(watchlist: Path) -> None:
    """The variable, and the key of the watchlist."""
    with pytest.raises(UsageError, match=r"BOT_NOTIFY.*services_file"):
        notify(watchlist=watchlist)


def test_a_service_that_is_none_is_not_shown(watchlist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place is."""
    monkeypatch.setenv("BOT_NOTIFY", f"slak://{PASSWORD}/x")
    with pytest.raises(ConfigError, match="BOT_NOTIFY, service 1") as told:
        notify(watchlist=watchlist)
    assert PASSWORD not in str(told.value)


def test_the_digest_is_shown_and_sent_to_nobody(
    watchlist: Path, journal: Journal, inbox: Inbox, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """As it would be at breakfast, as text and as JSON."""
    monkeypatch.setenv("BOT_NOTIFY", inbox.url)
    tell(journal, "found", "Qwen/New", "Qwen/New is a new base")
    notify(digest=True, watchlist=watchlist)
    lines = ["New: Qwen/New", "Downloads: the Hub did not say"]
    assert capsys.readouterr().out.splitlines() == ["nothing was made", *lines]
    notify(digest=True, watchlist=watchlist, json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["headline"], found["lines"]) == ("nothing was made", lines)
    assert inbox.asked == 0
