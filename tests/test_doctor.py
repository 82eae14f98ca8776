"""`bot doctor`: says what is missing, how to mend it, and ends with the class of the first failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.doctor import CHECKS, examine
from bot.doctor.database_url import database
from bot.doctor.files import templates, watchlist
from bot.doctor.finding import Finding, Place
from bot.doctor.hub_account import account, hub, token
from bot.doctor.machine import home
from bot.hub.process import LoopbackHub
from bot.settings import Settings

SECRET = "hf_s3cret"
WATCHLIST = "account: {}\nrecipes: [q8]\nrepos: [{{repo: a/b}}]\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    with LoopbackHub.start(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def known(tmp_path: Path, running: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a publisher on a loopback Hub who has everything."""
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.delenv("HF_TOKEN_PATH", raising=False)
    path = tmp_path / "watchlist.yaml"
    path.write_text(WATCHLIST.format("s3cret"))
    return Settings(home=tmp_path / "home", endpoint=running.endpoint, watchlist=path)


def changed(known: Settings, **more: Any) -> Place:
    from msgspec.structs import replace

    return Place(replace(known, **more))


def bot(
    *arguments: str, known: Settings, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(known.home),
        "BOT_HOME": str(known.home),
        "HF_ENDPOINT": known.endpoint,
        "BOT_WATCHLIST": str(known.watchlist),
        "HF_TOKEN": SECRET,
        "COLUMNS": "200",
    } | (env or {})
    command = [sys.executable, "-m", "bot", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def test_on_a_machine_that_has_everything_no_line_fails(known: Settings) -> None:
    """The command's JSON has one line a check, in order, none failing, and the exit code is 0."""
    done = bot("doctor", "--json", known=known)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = json.loads(done.stdout)
    assert [line["check"] for line in lines] == [check.__name__ for check in CHECKS]
    assert {tuple(line) for line in lines} == {("check", "status", "what", "way_out")}
    assert {line["status"] for line in lines} <= {"ok", "warn"}
    assert "MLX on" in next(line["what"] for line in lines if line["check"] == "mlx")


def test_the_exit_code_is_the_class_of_the_first_failing_line(known: Settings) -> None:
    """Without a Hub 8, with a wrong watchlist 3; each failing line says the way out."""
    broken = known.home.parent / "broken.yaml"
    broken.write_text("account: s3cret\nrecipes: [q8]\nrepo: []\n")
    cases = [
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, 8, "hub"),
        ({"BOT_WATCHLIST": str(broken), "BOT_ACCOUNT": "s3cret"}, 3, "watchlist"),
    ]
    for env, code, check in cases:
        done = bot("doctor", known=known, env=env)
        failed = [line.split() for line in done.stdout.splitlines() if line.startswith("fail")]
        assert (done.returncode, failed[0][1]) == (code, check), done.stdout + done.stderr
        assert all("->" in line for line in failed)


FAILURES: list[tuple[Any, dict[str, Any], str, str]] = [
    # check, what is wrong, exit code's class, part of the way out
    (home, {"home": Path("/proc/nowhere")}, "HostError", "BOT_HOME"),
    (database, {"database_url": "mysql://u:{secret}@h/d"}, "ConfigError", "postgresql://"),
    (database, {"database_url": "{secret}"}, "ConfigError", "postgresql://"),
    (
        database,
        {"database_url": "postgresql://u:{secret}@127.0.0.1:9/d?password={secret}"},
        "HostError",
        "check that it runs",
    ),
    (hub, {"endpoint": "http://127.0.0.1:9"}, "HubUnavailable", "check the network"),
    (account, {"account": "somebody"}, "NotAllowed", "use a token of somebody"),
]


@pytest.mark.parametrize(("check", "settings", "kind", "way_out"), FAILURES)
def test_each_failure_names_its_way_out_and_no_secret(
    check: Any, settings: dict[str, Any], kind: str, way_out: str, known: Settings
) -> None:
    """A failing line has a class and a way out, and shows neither the token nor a database's password."""
    secret = "pa55word"
    filled = {k: v.format(secret=secret) if isinstance(v, str) else v for k, v in settings.items()}
    found: Finding = check(changed(known, **filled))
    assert (found.status, found.kind) == ("fail", kind)
    assert way_out in found.way_out
    assert secret not in found.what + found.way_out
    assert SECRET not in found.what + found.way_out
    assert found.exit_code > 0


def test_a_missing_or_unknown_token_is_a_failing_line(
    known: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No token and a token nobody knows are told apart, and neither is shown."""
    assert token(Place(known)).what == "s3cret's, role write"
    for value, says in (("", "there is no token"), ("bad-token-x", "does not know this token")):
        monkeypatch.setenv("HF_TOKEN", value)
        lines = {found.check: found for found in examine(known) if found.check in ("token", "account")}
        assert {found.status for found in lines.values()} == {"fail"}
        assert says in lines["token"].what
        assert "HF_TOKEN" in lines["token"].way_out
        assert not value or value not in str(lines)


def test_the_watchlist_is_checked_with_its_line(known: Settings, tmp_path: Path) -> None:
    """A mistake in the watchlist is shown with file and line; a missing one is a warning, not a failure."""
    assert watchlist(Place(known)).what.endswith("1 repos and 0 authors for s3cret")
    known.watchlist.write_text(WATCHLIST.format("me") + "evry: 3h\n")
    found = watchlist(Place(known))
    assert found.what.endswith("watchlist.yaml:4: there is no key `evry` here")
    assert found.way_out == "did you mean `every`?"
    assert watchlist(changed(known, watchlist=tmp_path / "none.yaml")).status == "warn"


def test_recipe_files_are_checked_with_their_lines(known: Settings) -> None:
    """The folder that the watchlist names is read as well; a mistake in a file is that file's and line's."""
    folder = known.watchlist.parent / "recipes"
    folder.mkdir()
    (folder / "mine.yaml").write_text("rules: [{role: all, pattern: '', bits: 4}]")
    known.watchlist.write_text(WATCHLIST.format("me").replace("[q8]", "[recipes/, q8]"))
    assert watchlist(Place(known)).what.endswith("for me, 1 recipes of your own")
    (folder / "other.yaml").write_text("about: none\nrulse: []\n")
    found = watchlist(Place(known))
    assert (found.status, found.kind) == ("fail", "ConfigError")
    assert found.what == f"{folder}/other.yaml:2: there is no key `rulse` here"
    assert found.way_out == "did you mean `rules`?"


def test_templates_are_parsed(known: Settings, tmp_path: Path) -> None:
    """The standard templates parse; a mistake in a template of one's own is shown with file and line."""
    assert templates(Place(known)).status == "ok"
    own = tmp_path / "templates"
    own.mkdir()
    (own / "quant.md.j2").write_text("# {{ name }}\n{% if %}\n")
    found = templates(changed(known, templates=own))
    assert found.status == "fail"
    assert "quant.md.j2:2: " in found.what


def test_the_database_is_checked_without_changing_it(known: Settings) -> None:
    """A database that is not there yet is not made by the check; one that is no database fails."""
    place = Place(known)
    path = known.state / "bot.sqlite"
    assert database(place).status == "ok"
    assert not known.home.exists()
    known.state.mkdir(parents=True)
    path.write_bytes(b"no database at all, but long enough to be looked at" * 30)
    assert database(place).status == "fail"


def test_a_check_that_breaks_does_not_take_the_others_along(known: Settings) -> None:
    """Findings are given for every check whatever one of them runs into."""
    known.watchlist.unlink()
    known.watchlist.mkdir()
    found = {finding.check: finding for finding in examine(known)}
    assert list(found) == [check.__name__ for check in CHECKS]
    assert found["watchlist"].status == "fail"
    assert found["templates"].status == "ok"
