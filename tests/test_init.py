"""`bot init`: from nothing to a watchlist of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.card.template_folder import standard
from bot.errors import UsageError
from bot.init import watchlist_text
from bot.watch.watchlist import Watchlist, load_watchlist, of_document
from bot.yaml_lines import Document

TODAY = date(2026, 2, 3)


def bot(*arguments: str, here: Path, answer: str = "", env: dict[str, str] | None = None) -> tuple[int, str]:
    """The real command in `here`; its exit code and all it said."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(here), "BOT_HOME": str(here / "home")} | (
        env or {}
    )
    command = [sys.executable, "-m", "bot", *arguments]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment,
        cwd=here,
        input=answer,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def parsed(text: str) -> Watchlist:
    return of_document(Document(text.encode(), "watchlist.yaml"))


def test_init_writes_a_valid_watchlist_that_asks_and_says_what_comes_next(tmp_path: Path) -> None:
    """One command, no question with --yes: a watchlist for the account, BOT_HOME, three commands to go on."""
    code, said = bot("init", "--account", "someone", "--yes", here=tmp_path)
    assert code == 0, said
    found = load_watchlist(tmp_path / "watchlist.yaml")
    assert (found.account, found.approval) == ("someone", "ask")
    assert (tmp_path / "home").is_dir()
    for command in ("bot doctor", "bot publish", "bot run"):
        assert command in said.split("Next:")[1]


def test_init_asks_for_the_account(tmp_path: Path) -> None:
    """Without --account it asks; without --account and with --yes it says what is missing."""
    code, said = bot("init", here=tmp_path, answer="someone\n")
    assert code == 0, said
    assert load_watchlist(tmp_path / "watchlist.yaml").account == "someone"
    code, said = bot("init", "--yes", "--watchlist", "other.yaml", here=tmp_path)
    assert (code, "--account NAME" in said) == (2, True)
    assert not (tmp_path / "other.yaml").exists()


def test_init_never_writes_over_what_is_there(tmp_path: Path) -> None:
    """A watchlist that exists stays as it is, unless --force is said; --dry-run writes nothing at all."""
    mine = tmp_path / "watchlist.yaml"
    mine.write_text("mine")
    code, said = bot("init", "--account", "someone", "--yes", here=tmp_path)
    assert (code, mine.read_text(), "--force" in said) == (2, "mine", True)
    code, said = bot("init", "--account", "someone", "--dry-run", "--yes", here=tmp_path)
    assert (code, mine.read_text()) == (0, "mine")
    assert parsed(said).account == "someone"
    code, said = bot("init", "--account", "someone", "--yes", "--force", here=tmp_path)
    assert code == 0, said
    assert load_watchlist(mine).account == "someone"


def test_init_copies_templates_to_edit(tmp_path: Path) -> None:
    """The copied templates are the standard ones; a folder that is there already is never touched."""
    code, said = bot("init", "--account", "a", "--yes", "--templates", "mine", here=tmp_path)
    assert code == 0, said
    assert (tmp_path / "mine" / "quant.md.j2").is_file()
    assert "BOT_TEMPLATES=mine" in said
    code, said = bot("init", "--account", "a", "--yes", "--force", "--templates", "mine", here=tmp_path)
    assert (code, "is there already" in said) == (2, True)
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {p.name for p in standard().iterdir()}


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_]{0,20}", fullmatch=True), st.dates())
def test_every_account_and_day_gives_a_valid_watchlist(account: str, today: date) -> None:
    """Names that YAML would read as something else (null, 123, no) and any date end up as written."""
    found = parsed(watchlist_text(account, today))
    assert found.account == account
    assert {author.since for author in found.authors} == {today}


@pytest.mark.parametrize("account", ["", "a/b", "a b", "../x", 'a"\nb: c', "a" * 200])
def test_a_name_that_is_no_account_is_refused(account: str) -> None:
    """What cannot be an account never reaches the file."""
    with pytest.raises(UsageError, match="is no account"):
        watchlist_text(account, TODAY)
