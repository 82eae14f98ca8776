"""`notify:` of the watchlist and the services' own lines: what may stand there, and what an error says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.notify.notifier import wanted_of
from bot.notify.services import file_of, services
from bot.notify.settings import Clock, NotifySettings, Wanted
from bot.watch.quantities import Zone
from bot.yaml_lines import Document

SECRET = "s3cr3t-of-slack"


def parsed(text: str) -> NotifySettings:
    return Document(text.encode(), "watchlist.yaml").to(NotifySettings)


def test_the_block_is_read() -> None:
    """All keys, and a time that YAML of old would take for a number."""
    found = parsed(
        "{services_file: notify.txt, kinds: [failed, trouble], digest: 17:30, timezone: Europe/Berlin}"
    )
    assert found == NotifySettings(
        services_file="notify.txt",
        kinds=("failed", "trouble"),
        digest=Clock("17:30"),
        timezone=Zone("Europe/Berlin"),
    )
    assert parsed("{digest: 'off'}").digest == "off"
    assert parsed("{digest: '7:05'}").digest == "07:05"


def test_the_watchlist_says_it_all(tmp_path: Path) -> None:
    """Its block, whose repos are ours, and where a relative file lies; without a block the usual."""
    path = tmp_path / "watchlist.yaml"
    text = "account: tester\nrecipes: [qx64-hi]\nrepos: [{repo: Qwen/A}]\n"
    path.write_text(text)
    assert wanted_of(path) == Wanted(account="tester", folder=tmp_path)
    path.write_text(text + "notify:\n  services_file: mine.txt\n  digest: off\n")
    wanted = wanted_of(path)
    assert wanted.notify == NotifySettings(services_file="mine.txt", digest=Clock("off"))
    assert file_of(wanted.notify, wanted.folder) == tmp_path / "mine.txt"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{digest: 25:00}", "time of day"),
        ("{digest: morning}", "time of day"),
        ("{timezone: Berlin}", "time zone"),
        ("{timezone: ../../etc/passwd}", "time zone"),
        ("{kinds: [everything]}", "everything"),
        ("{kinds: []}", "kinds"),
        ("{service: x}", "service"),
    ],
)
def test_a_mistake_is_said_with_its_line(text: str, said: str) -> None:
    """As everywhere in the watchlist: file, line, what is wrong."""
    with pytest.raises(ConfigError, match=rf"watchlist.yaml:1.*{said}"):
        parsed(text)


def test_services_come_from_the_environment_and_from_a_file(tmp_path: Path) -> None:
    """One a word, one a line; before `=` the kinds that it alone wants; they have names that tell nothing."""
    (tmp_path / "notify.txt").write_text(f"# mine\n\nfailed, trouble = json://127.0.0.1/{SECRET}\n")
    found = services(
        NotifySettings(services_file="notify.txt"),
        {"BOT_NOTIFY": f"json://127.0.0.1/a digest=xml://me:{SECRET}@127.0.0.1"},
        tmp_path,
    )
    assert [(service.name, len(service.kinds)) for service in found] == [
        ("json-1", 10),
        ("xml-1", 1),
        ("json-2", 2),
    ]
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "line",
    [
        f"slack://{SECRET}",
        f"nothing://{SECRET}@host",
        SECRET,
        f"mailto://{SECRET}:{SECRET}@",
        f"failed,{SECRET}=json://127.0.0.1",
        f"{SECRET}://127.0.0.1",
        f"json://[{SECRET}",
    ],
)
def test_a_wrong_service_is_named_by_its_place_alone(
    line: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """What cannot be understood may be a password all the same: neither the error nor apprise shows it."""
    (tmp_path / "notify.txt").write_text(f"json://127.0.0.1\n{line}\n")
    with pytest.raises(ConfigError) as told:
        services(NotifySettings(services_file="notify.txt"), {}, tmp_path)
    assert str(told.value).startswith(f"{tmp_path / 'notify.txt'}:2: ")
    assert SECRET not in str(told.value) + caplog.text + "".join(capfd.readouterr())


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    """Its name, and what belongs in it."""
    with pytest.raises(ConfigError, match="one apprise URL a line"):
        services(NotifySettings(services_file="nowhere.txt"), {}, tmp_path)
