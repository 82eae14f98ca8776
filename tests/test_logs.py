"""A log can be shown to anybody: no secret is in it, and no stranger's text passes for a line of its own."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import logs, redaction
from bot.redaction import Redactor, secrets_of, secrets_of_service
from bot.settings import Settings

SECRETS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Z"]), min_size=12, max_size=40
).filter(lambda secret: not secret.isdigit())
AROUND = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    logger = logging.Logger("bot.test")
    try:
        raise RuntimeError(str(arguments[0]) if arguments else message)
    except RuntimeError:
        return logger.makeRecord(
            "bot.test", logging.WARNING, __file__, 1, message, arguments, sys.exc_info(), extra=extra
        )


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


@given(SECRETS, AROUND, AROUND)
def test_a_secret_is_nowhere_in_a_line(secret: str, before: str, after: str) -> None:
    """In the message, an argument, an argument's repr, the error's text, an extra: it is never written."""
    known = redaction.REDACTOR
    redaction.REDACTOR = Redactor([secret])
    try:
        told = record(
            f"{before}{secret}{after} %s %r", before + secret, [after + secret], note=secret, run=secret
        )
        text, line = logs.TextLines().format(told), logs.JsonLines().format(told)
    finally:
        redaction.REDACTOR = known
    assert secret not in text
    assert secret not in line
    assert all(secret not in part for part in texts(json.loads(line)))


@given(st.text(st.characters(exclude_categories=[]), max_size=200))
def test_a_line_stays_one_line(text: str) -> None:
    """Whatever upstream wrote: one line a message; lines of a traceback are set in; JSON is plain ASCII."""
    told = record(text.replace("%", "%%"))
    first, *trace = logs.TextLines().format(told).split("\n")
    assert first.split(" ", 2)[2].startswith("warning: ")
    assert all(line.startswith("  | ") for line in trace)
    assert "\n".join([first, *trace]).splitlines() == [first, *trace]
    line = logs.JsonLines().format(told)
    assert line.isascii()
    assert line.splitlines() == [line]
    assert not {"Cc", "Zl", "Zp", "Cs"} & {unicodedata.category(character) for character in first}
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068") & set(first)


HIDDEN = [
    ("token hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345", "AbCdEfGhIjKl"),
    ("Authorization: Bearer s3cr3t-t0ken", "s3cr3t"),
    ("{'authorization': 'Bearer hf_tester'}", "hf_tester"),
    ("headers authorization=Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("X-Webhook-Secret: open sesame", "sesame"),
    ("Cookie: session=abcdef0123", "abcdef0123"),
    ("postgresql+psycopg://bot:p%40ss:w0rd@db:5432/qx", "w0rd"),
    ("GET http://user:pa@ss@host/path failed", "pa@ss"),
    ("ntfy://tk_secret@ntfy.example/topic", "tk_secret"),
    ("https://cdn/x?X-Amz-Signature=0123abcd&part=1", "0123abcd"),
    ("https://h/api?user=me&access_token=zzz123", "zzz123"),
]


@pytest.mark.parametrize(("text", "secret"), HIDDEN)
def test_a_secret_is_known_by_its_shape(text: str, secret: str) -> None:
    """Also one that nobody named: Hub token, header, a URL's password, a signed link. Twice is as once."""
    clean = Redactor()
    assert secret not in clean(text)
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "Qwen/Qwen3-8B at 0123456789ab (weights): family:Qwen/Qwen3-8B@0123456789ab+1234abcd",
        "hf_xet and hf_hub_download_with_a_long_name are libraries",
        "see https://huggingface.co/Qwen/Qwen3-8B, mail me@example.org; http://127.0.0.1:8899/healthz?page=2",
    ],
)
def test_plain_text_is_left_alone(text: str) -> None:
    """What is no secret can be read: repos, revisions, runs, addresses."""
    assert Redactor()(text) == text


def test_the_environment_says_what_is_secret() -> None:
    """Tokens, keys, a database's password and the pieces of notification services, whatever their name."""
    environment = {
        "HF_TOKEN": "hf_tester",
        "BOT_WEB_TOKEN": "web-token-1",
        "BOT_WEBHOOK_SECRET": "webhook-1",
        "OPENAI_API_KEY": "sk-123456",
        "BOT_DATABASE_URL": "postgresql://bot:d@ta/base@db/qx",
        "BOT_NOTIFY": "slack://TokenAAAA/TokenBBBB/TokenCCCCCC mailto://me:mail-pass@example.org",
        "HOME": "/home/somebody",
        "HF_TOKEN_PATH": "/home/somebody/token",
    }
    found = secrets_of(environment)
    assert found >= {
        "hf_tester", "web-token-1", "webhook-1", "sk-123456", "d@ta/base", "TokenAAAA", "TokenBBBB",
        "TokenCCCCCC", "mail-pass",
    }  # fmt: skip
    assert not {"/home/somebody", "/home/somebody/token", "example.org", "db"} & found


@given(SECRETS.filter(lambda s: not set(s) & set("/?#@:&=%")))
def test_a_services_password_is_among_its_secrets(password: str) -> None:
    """The redactor knows the password of a service by itself: a library may log it without the URL."""
    assert password in secrets_of_service(f"mailto://me:{password}@example.org?to=x")


PROGRAM = """
import logging, sys, threading
from pathlib import Path
from bot import logs
from bot.settings import Settings
logs.set_up(Settings(home=Path(sys.argv[1])), role=sys.argv[2], format=sys.argv[3])
log = logging.getLogger("bot.daemon")
with logs.about(run="family:a/b@1", repo="a/b"):
    log.info("looking with %s", "the-web-token")
logging.getLogger("apscheduler.scheduler").warning("a job was missed")
try:
    raise ValueError("the-web-token\\n2026-01-01 00:00:00 a line that I forged")
except ValueError:
    logging.getLogger("apscheduler.executors").exception("a job broke")
thread = threading.Thread(target=lambda: {}["the-web-token"], name="worker")
thread.start(); thread.join()
raise RuntimeError("ended by the-web-token")
"""


def program(home: Path, role: str, format: str) -> subprocess.CompletedProcess[str]:
    """A process that logs as `bot run` does and ends with an error nobody caught."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(home), role, format],
        env={**os.environ, "BOT_WEB_TOKEN": "the-web-token"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_process_logs_for_people_and_into_its_file(tmp_path: Path) -> None:
    """On the screen a line each for the bot's own words and others' errors, in the file all of it."""
    done = program(tmp_path, "bot", "text")
    path = tmp_path / "logs" / "bot.log"
    file = path.read_text()
    assert done.returncode == 1
    assert "the-web-token" not in done.stderr + file
    assert [line[20:] for line in done.stderr.splitlines()] == [
        "looking with ***",
        "error: a job broke (2026-01-01 00:00:00 a line that I forged)",
        "error: an unexpected KeyError (KeyError: '***')",
        "error: an unexpected RuntimeError (RuntimeError: ended by ***)",
    ]
    assert "warning: a job was missed" in file
    assert "\n  | Traceback (most recent call last):" in file
    assert "\n  | 2026-01-01 00:00:00 a line that I forged" in file
    assert path.stat().st_mode & 0o777 == 0o600


def test_json_lines_say_what_they_are_about(tmp_path: Path) -> None:
    """With `--log-format json` each line, on the screen and in the file, is an object a program can read."""
    done = program(tmp_path, "worker-mini", "json")
    lines = [json.loads(line) for line in (tmp_path / "logs" / "worker-mini.log").read_text().splitlines()]
    shown = [json.loads(line) for line in done.stderr.splitlines()]
    assert shown == [line for line in lines if line["message"] != "a job was missed"]
    assert {name: lines[0][name] for name in ("level", "logger", "message", "run", "repo")} == {
        "level": "info", "logger": "bot.daemon", "message": "looking with ***", "run": "family:a/b@1",
        "repo": "a/b",
    }  # fmt: skip
    assert "run" not in lines[1]
    assert all("the-web-token" not in text for line in lines for text in texts(line))


@pytest.mark.parametrize(
    ("message", "run", "repo"),
    [
        ("started family:Qwen/Qwen3-8B@0123456789ab+89abcdef~2: waits",
         "family:Qwen/Qwen3-8B@0123456789ab+89abcdef~2", "Qwen/Qwen3-8B"),
        ("`bot retry 'publish:t/Q-qx64-hi-mlx@0123456789ab+qx64-hi@0123456789ab'`",
         "publish:t/Q-qx64-hi-mlx@0123456789ab+qx64-hi@0123456789ab", "t/Q-qx64-hi-mlx"),
        ("Qwen/Qwen3-8B at 0123456789ab (new): it waits", None, "Qwen/Qwen3-8B"),
        ("watching, a sweep every 1800 s", None, None),
    ],
)  # fmt: skip
def test_a_line_says_of_which_run_it_is(message: str, run: str | None, repo: str | None) -> None:
    """Where its message names a run or a repo, a program need not look for it there."""
    told = json.loads(logs.JsonLines().format(record("%s", message)))
    assert (told.get("run"), told.get("repo")) == (run, repo)


@pytest.fixture
def quiet_logging() -> Iterator[None]:
    """logging as it was before."""
    root, ours = logging.getLogger(), logging.getLogger("bot")
    before = (list(root.handlers), root.level, list(ours.handlers), ours.level, sys.excepthook)
    hook = threading.excepthook
    yield
    threading.excepthook = hook
    for handler in [h for h in root.handlers if h not in before[0]]:
        handler.close()
    root.handlers, ours.handlers, sys.excepthook = before[0], before[2], before[4]
    root.setLevel(before[1])
    ours.setLevel(before[3])
    logging.captureWarnings(False)


@pytest.mark.usefixtures("quiet_logging")
def test_the_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is logged, so many files of such a size stay."""
    monkeypatch.setattr(logs, "FILE_BYTES", 3000)
    logs.set_up(Settings(home=tmp_path))
    for number in range(1000):
        logging.getLogger("bot").info("line %d of many", number)
    files = list((tmp_path / "logs").iterdir())
    assert len(files) == logs.FILES + 1
    assert all(path.stat().st_size <= 3000 for path in files)
    assert "line 999 of many" in (tmp_path / "logs" / "bot.log").read_text()


@pytest.mark.usefixtures("quiet_logging")
def test_a_full_disk_loses_lines_and_says_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """logging complains of a line that it cannot write by printing its arguments as they are: not here."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "bot.log").symlink_to("/dev/full")
    logs.set_up(Settings(home=tmp_path))
    redaction.REDACTOR.hide("full-disk-secret")
    logging.getLogger("bot").warning("token %s", "full-disk-secret")
    said = capsys.readouterr().err
    assert said.endswith("warning: token ***\n")
    assert "full-disk-secret" not in said


@pytest.mark.parametrize("text", ["a" * 400_000, "://" * 100_000, "?token" * 60_000, "cookie: " * 50_000])
def test_text_made_to_be_slow_ends(text: str) -> None:
    """A hostile message of any length is cut and looked at in time that grows with its length alone."""
    assert len(logs.TextLines().format(record("%s", text)).split("\n")[0]) < logs.LONGEST + 100
