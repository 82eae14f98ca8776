"""`bot card render`: a file of facts in, a card out."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from bot.card.facts_file import read
from bot.card.render import render
from bot.cli.card import card
from bot.errors import ConfigError, NotFound
from bot.records import to_json
from bot.review.review import review
from tests.card.examples import card_facts


@pytest.fixture
def facts_file(tmp_path: Path) -> Path:
    path = tmp_path / "facts.json"
    path.write_bytes(msgspec.json.encode(card_facts()))
    return path


def test_facts_survive_the_file_in_both_formats(tmp_path: Path, facts_file: Path) -> None:
    """JSON and YAML files give back the facts they were written from."""
    other = tmp_path / "facts.yaml"
    other.write_text(yaml.safe_dump(to_json(card_facts()), allow_unicode=True))
    assert read(facts_file) == read(other) == card_facts()


def test_card_goes_to_standard_output_or_to_a_folder(tmp_path: Path, facts_file: Path) -> None:
    """Without --out the card is printed as it is; with it, README.md is written, and the figures it shows."""
    expected = render(card_facts(), review(card_facts())).text
    printed = CliRunner().invoke(card, ["render", "--facts", str(facts_file)])
    assert (printed.exit_code, printed.output) == (0, expected)
    CliRunner().invoke(card, ["render", "--facts", str(facts_file), "--out", str(tmp_path / "new" / "card")])
    folder = tmp_path / "new" / "card"
    text = (folder / "README.md").read_text()
    shown = re.findall(r'src(?:set)?="(figures/[a-z-]+\.png)"', text)
    assert shown
    assert sorted(shown) == sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    assert re.sub(r"<picture>.*</picture>\n+", "", text) == expected


def test_template_can_be_chosen(tmp_path: Path, facts_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--template takes a template from the folder that BOT_TEMPLATES names."""
    (tmp_path / "short.md.j2").write_text("# {{ facts.name }}, shortly\n")
    monkeypatch.setenv("BOT_TEMPLATES", str(tmp_path))
    printed = CliRunner().invoke(card, ["render", "--facts", str(facts_file), "--template", "short"])
    assert printed.output.endswith("# LFM2-8B-A1B-qx86-hi-mlx, shortly\n")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("repo: [unclosed", "facts.yaml:1:"),
        ("card: x\nbase_model: o/b\nrecipe: q4\nrehearsal: perhaps", "facts.yaml:4: rehearsal"),
        ('{"card": "x", "base_model": "o/b", "recipe": "q4", "repo": 5}', r"\$\.repo"),
        ("card: x\nbase: y", "facts.yaml:2: "),
        ("just text", "facts.yaml:1: "),
        ("recipe: q4", "facts.yaml:1: .*card"),
        (b"\xff\xfe\x00", "cannot be read as text"),
    ],
)
def test_wrong_file_is_told_with_its_place(tmp_path: Path, content: str | bytes, told: str) -> None:
    """A file of facts that does not fit is refused with the file and the place in it."""
    path = tmp_path / "facts.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=told):
        read(path)


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there is named, with the way out."""
    with pytest.raises(NotFound, match="--facts"):
        read(tmp_path / "none.json")
