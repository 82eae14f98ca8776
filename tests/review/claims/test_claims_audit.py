"""A card against its own tables: what they hold, what the text gets wrong, and the diff that mends it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot.review.claims.audit import audit, diff, mended
from bot.review.claims.own_tables import MODELS, facts_of
from tests.review.claims.boards import SCORES

CARD = """# Wren-7B-qx65-hi-mlx

| Task | qx65-hi | q5 | Heron-8B-q4-hi |
|---|---:|---:|---:|
| ARC Challenge | 0.431 | 0.436 | 0.402 |
| BoolQ | **0.777** | **0.777** | 0.801 |
| HellaSwag | 0.588 | 0.570 | 0.561 |
| PIQA | 74.1% | 74.5% | 73.3% |
| Winogrande | 0.634 | 0.622 | 0.601 |

| Quant | Perplexity | tok/s | Size |
|---|---|---|---|
| qx65-hi | 6.540 ± 0.050 | 50.0 | 5.6G |
| q5 | 6.620 ± 0.050 | 55.0 | 5.0G |

HellaSwag is 18% higher than in q5, and qx65-hi wins 4/5 tasks against it.
It crushes Heron on BoolQ.

This model Wren-7B-qx65-hi-mlx was converted to MLX format from Hedge/Wren-7B using mlx-lm version 0.30.0.
"""
SEED_CARDS = Path(__file__).resolve().parents[4] / "shared" / "seeds"


def test_tables_become_facts() -> None:
    """Scores of a Markdown table, marks and percent signs included, and the quants' perplexity and size."""
    found = facts_of(CARD)
    assert (found.card, found.recipe, found.base_model) == ("Wren-7B-qx65-hi-mlx", "qx65-hi", "Hedge/Wren-7B")
    assert found.scores == SCORES
    assert [(q.quant, q.perplexity, q.stderr, q.tokens_per_second, q.size) for q in found.quants] == [
        ("qx65-hi", 6.54, 0.05, 50.0, "5.6G"),
        ("q5", 6.62, 0.05, 55.0, "5.0G"),
    ]


@pytest.mark.parametrize(
    "table",
    [
        "Task\tqx65-hi\tq5\nPIQA\t0.741\t0.745\nBoolQ\t0.777\t0.777\n",
        "Task      qx65-hi   q5\nPIQA      0.741     0.745\nBoolQ     0.777     0.777\n",
        "| Model | PIQA | BoolQ |\n|---|---|---|\n| qx65-hi | 0.741 | 0.777 |\n| q5 | 0.745 | 0.777 |\n",
        "Task\tqx65-hi vs. q5 (Δ)\nPIQA\t0.741\t-0.004\nBoolQ\t0.777\t±0.000\n",
    ],
    ids=["tabs", "columns of spaces", "a row for each model", "scores and differences"],
)
def test_tables_are_read_in_every_form(table: str) -> None:
    """Tabs, aligned columns, models down or across, a rival given by differences only."""
    scores = facts_of(f"Wren-7B-qx65-hi-mlx\n\n{table}").scores
    values = {name: {k: v for k, v in tasks.items() if k != "derived"} for name, tasks in scores.items()}
    assert values == {"qx65-hi": {"piqa": 0.741, "boolq": 0.777}, "q5": {"piqa": 0.745, "boolq": 0.777}}


def test_false_numbers_are_mended_and_false_words_marked() -> None:
    """What arithmetic gives is set right; a sentence that only a person can mend gets a comment."""
    found = audit(CARD)
    text = mended(CARD, found.findings)
    assert "HellaSwag is 3.2% higher than in q5, and qx65-hi wins 2/5 tasks" in text
    assert 'It crushes Heron on BoolQ. <!-- false: "crushes Heron on BoolQ"' in text
    changed = [line for line in diff(CARD, found.findings, "README.md").splitlines() if line[:1] in "+-"]
    assert len(changed) == 2 + 4


def test_a_mended_card_has_no_false_number_left() -> None:
    """The audit of a mended card finds nothing more that it could mend."""
    again = audit(mended(CARD, audit(CARD).findings))
    assert [finding.quote for finding in again.false if finding.fix is not None] == []


def test_a_card_without_tables_claims_nothing_false() -> None:
    """Without tables there is nothing to hold the text against."""
    found = audit("# Some-Model-4B\n\nIt beats q4 on PIQA by 12 points and is #1 everywhere.\n")
    assert found.facts.scores == {}
    assert found.false == ()


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        f"{'-' * 200_000}x",
        f"| Task | q4 | q5 |\n|---|---|---|\n| PIQA{'(' * 200_000} | 0.5 | 0.4 |\n",
        f"| Task | q4 | q5 |\n|---|---|---|\n| PIQA | a{' ' * 100_000}b: 0.5 | 0.4 |\n",
        f"- ARC-C: 0.393 bf16{' ' * 870}x.\n\n" * 200,
        "| Model | PIQA | BoolQ |\n|---|---|---|\n"
        + "".join(f"| Wren{at}-7B-q5 | 0.5 | 0.6 |\n" for at in range(5000)),
    ],
    ids=["word", "dashes", "brackets", "spaces", "list", "names"],
)
def test_a_hostile_card_is_read_in_a_moment(text: str) -> None:
    """Such as took minutes once; of thousands of models it keeps as many as a card can be about."""
    began = time.process_time()
    assert len(facts_of(text, "Wren-7B-qx65-hi-mlx").scores) <= MODELS
    assert time.process_time() - began < 10


@pytest.mark.skipif(not SEED_CARDS.is_dir(), reason="the published cards are not beside the repository")
def test_published_cards_are_read_as_their_facts_have_them() -> None:
    """The tables of five published cards give the scores that a person took down from them."""
    import yaml

    for path in SEED_CARDS.glob("*-mlx.yaml"):
        known = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = facts_of((SEED_CARDS / known["seed_file"]).read_text(encoding="utf-8"))
        for model, tasks in found.scores.items():
            for task, value in tasks.items():
                assert known["scores"][model][task] == value, (known["card"], model, task)
        assert audit((SEED_CARDS / known["seed_file"]).read_text(encoding="utf-8")).false
