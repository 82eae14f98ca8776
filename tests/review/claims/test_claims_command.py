"""`bot card check` and `bot card audit` as a person and as a program see them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from bot.cli import claims
from bot.errors import BotError, NotFound, UsageError, VerificationFailed
from bot.huggingface import HubDoor
from bot.records import to_json
from tests.review.claims.boards import facts
from tests.review.claims.test_claims_audit import CARD

app = typer.Typer()
app.command("check")(claims.check)
app.command("audit")(claims.audit)

REVIEW = "# Review\n\nqx65-hi beats q5 on HellaSwag.\n\nIt wins 4/5 tasks against q5.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "facts.json").write_text(json.dumps(to_json(facts())))
    (tmp_path / "review.md").write_text(REVIEW)
    (tmp_path / "README.md").write_text(CARD)
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_check_lists_what_is_false_with_its_line(folder: Path) -> None:
    """People see line, quote, arithmetic and the right number; the exit code is that of a failed check."""
    answer = run("check", "--facts", folder / "facts.json", folder / "review.md")
    assert "line 5" in answer.output
    assert "right would be: wins 2/5 tasks" in answer.output
    assert "2 claims: 1 true, 1 false, 0 cannot be checked" in answer.output
    assert isinstance(answer.exception, VerificationFailed)
    assert answer.exception.exit_code == 10


def test_check_as_json_keeps_its_contract(folder: Path) -> None:
    """Programs get one document: findings with quote, start, end, verdict and why."""
    answer = run("check", "--facts", folder / "facts.json", folder / "review.md", "--json")
    found = json.loads(answer.output)["findings"]
    assert [each["verdict"] for each in found] == ["true", "false"]
    assert all({"quote", "start", "end", "verdict", "why"} <= each.keys() for each in found)
    assert all(REVIEW[each["start"] : each["end"]] == each["quote"] for each in found)


def test_a_true_text_passes(folder: Path) -> None:
    """Nothing false: exit code 0."""
    (folder / "review.md").write_text("qx65-hi beats q5 on HellaSwag.\n")
    assert run("check", "--facts", folder / "facts.json", folder / "review.md").exit_code == 0


def test_audit_of_a_file_and_its_diff(folder: Path) -> None:
    """A card is held against its own tables; --fix prints a unified diff and writes nothing."""
    plain, fixed = run("audit", folder / "README.md"), run("audit", folder / "README.md", "--fix")
    assert "its own tables (15 scores of 3 models)" in plain.output
    assert "\n+HellaSwag is 3.2% higher than in q5" in fixed.output
    assert isinstance(fixed.exception, VerificationFailed)
    assert (folder / "README.md").read_text() == CARD


def test_audit_of_a_repo(monkeypatch: pytest.MonkeyPatch) -> None:
    """owner/name is read from the Hub, through the one door."""
    asked: list[tuple[str, str]] = []

    def read(door: HubDoor, repo: str, path: str, revision: str | None = None) -> bytes:
        asked.append((repo, path))
        return CARD.encode()

    monkeypatch.setattr(HubDoor, "read", read)
    assert "false" in run("audit", "somebody/Wren-7B-qx65-hi-mlx").output
    assert asked == [("somebody/Wren-7B-qx65-hi-mlx", "README.md")]


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        (("audit", "nothing.md"), UsageError, "neither a file nor a repo"),
        (("check", "--facts", "FACTS", "nothing.md"), NotFound, "nothing.md is not there"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(
    folder: Path, arguments: tuple[str, ...], error: type[BotError], told: str
) -> None:
    """A missing text is an error with its path and the way out."""
    answer = run(*(str(folder / "facts.json") if each == "FACTS" else each for each in arguments))
    assert isinstance(answer.exception, error)
    assert told in str(answer.exception)
