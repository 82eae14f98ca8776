"""How often the checker is right, for the test of rates and for benchmarks/checker.py."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bot.card.board import board
from bot.card.facts import Facts
from bot.records import Record
from bot.review.claims import Finding, check

ROOT = Path(__file__).resolve().parents[3]
SEEDS = ROOT.parent / "shared" / "seeds"
PARAPHRASES = {
    "development": Path(__file__).parent / "paraphrases_dev.yaml",
    "held out": Path(__file__).parent / "paraphrases_heldout.yaml",
}


class Answer(Record, frozen=True, kw_only=True):
    """One claim whose verdict is known, and what the checker said of it."""

    claim: str
    verdict: str
    said: str
    why: str


def read_facts(path: Path) -> Facts:
    """The facts of a YAML file."""
    return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Facts)


def said_of(findings: list[Finding]) -> tuple[str, str]:
    """One verdict for the findings of one claim: false before true before not checkable."""
    for verdict in ("false", "true", "not_checkable"):
        if hit := next((each for each in findings if each.verdict == verdict), None):
            return verdict, f"{hit.quote!r}: {hit.why}"
    return "not_checkable", "no finding"


def paraphrases(path: Path) -> list[Answer]:
    """The answers for a file of claims over invented boards."""
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    boards = {name: board(msgspec.convert(facts, Facts)) for name, facts in data["boards"].items()}
    answers = []
    for claim in data["claims"]:
        said, why = said_of(list(check(claim["text"], boards[claim["board"]])))
        answers.append(Answer(claim=claim["text"], verdict=claim["verdict"], said=said, why=why))
    return answers


def place(quote: str, text: str, after: int = 0) -> tuple[int, int] | None:
    """Where a quote stands in a text, white space and marks between cells folded."""
    pattern = r"\s+".join(re.escape(word) for word in quote.split())
    found = re.compile(pattern).search(text, after)
    if found is None:  # cells are joined: anything short may lie between the first and the last words
        words = [re.escape(word) for word in quote.split()]
        found = re.compile(r"[^\n]{0,40}?".join(words)).search(text, after)
    return found.span() if found else None


def seeds() -> list[Answer]:
    """The answers for the claims of the published cards, matched by overlap of the quotes."""
    claims = yaml.safe_load((SEEDS / "claims.yaml").read_text(encoding="utf-8"))
    cards: dict[str, tuple[str, tuple[Finding, ...]]] = {}
    for path in sorted(SEEDS.glob("*-mlx.yaml")):
        facts = read_facts(path)
        text = (SEEDS / str(facts.seed_file)).read_text(encoding="utf-8")
        cards[facts.card] = (text, check(text, board(facts)))
    answers = []
    for claim in claims:
        text, findings = cards[claim["card"]]
        at = place(claim["quote"], text)
        near = [f for f in findings if at and f.start < at[1] and at[0] < f.end]
        said, why = said_of(near) if at else ("not_checkable", "the quote was not found in the text")
        answers.append(Answer(claim=claim["quote"], verdict=claim["verdict"], said=said, why=why))
    return answers


def table(sets: dict[str, list[Answer]]) -> str:
    """Precision and recall for true and false, as Markdown."""
    lines = [
        "| claims | n | false found | false: precision | true called false | true found | true: precision |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, answers in sets.items():
        pairs = Counter((answer.verdict, answer.said) for answer in answers)
        of = Counter(answer.verdict for answer in answers)
        said = Counter(answer.said for answer in answers)
        lines.append(
            f"| {name} | {len(answers)} | {pairs['false', 'false']} of {of['false']} | "
            f"{_share(pairs['false', 'false'], said['false'])} | {pairs['true', 'false']} of {of['true']} | "
            f"{pairs['true', 'true']} of {of['true']} | {_share(pairs['true', 'true'], said['true'])} |"
        )
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def measured() -> dict[str, list[Answer]]:
    """All sets that are there."""
    found = {"seeds": seeds()} if SEEDS.is_dir() else {}
    return {**found, **{name: paraphrases(path) for name, path in PARAPHRASES.items() if path.exists()}}
