"""The published cards that the product must be able to make: their tables, from their facts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from bot.card.board import board
from bot.card.facts_file import read
from bot.card.render import render
from bot.cli.card import card
from bot.review.review import review
from tests.card.parsed import body, fenced, metadata, tables

SEEDS = Path(__file__).parents[2].parent / "shared" / "seeds"
pytestmark = pytest.mark.skipif(not SEEDS.is_dir(), reason="../shared/seeds is not beside this repository")

LIMI = "LIMI-Air-qx54g-hi-mlx"
LFM2 = "LFM2-8B-A1B-qx86-hi-mlx"
QWEN3 = "Qwen3-8B-YOYO-V2-Hybrid-qx63-hi-mlx"
VISION = "Qwen3-VL-43B-A3B-Thinking-BX20-qx65-hi-mlx"
EPISTEME = "Episteme-gptoss-20b-RL-qx86-hi-mlx"
ALL = (LIMI, LFM2, QWEN3, VISION, EPISTEME)

NUMBER = re.compile(r"(?<![\w.])[+\-±−]?\d+\.\d{3}(?![\w.])")
NAMES = ("arcchallenge", "arceasy", "boolq", "hellaswag", "openbookqa", "piqa", "winogrande")


def made(name: str) -> str:
    """The card that the product makes of the seed's facts, for an account."""
    facts = read(SEEDS / f"{name}.yaml")
    facts = replace(facts, repo=f"somebody/{facts.card}")
    return render(facts, review(facts)).text


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def published_rows(name: str) -> list[tuple[str, list[str]]]:
    """The rows of the published card's text that begin with a task: its name and the numbers after it."""
    text = (SEEDS / read(SEEDS / f"{name}.yaml").seed_file).read_text(encoding="utf-8", errors="replace")  # type: ignore[operator]
    found = []
    for line in text.splitlines():
        task = next((task for task in NAMES if plain(line).startswith(task)), None)
        cells = re.split(r"\s*\t\s*|\s{2,}", line.strip())
        if task and len(cells) > 1 and NUMBER.match(cells[1]):
            found.append((task, NUMBER.findall(line.replace("−", "-"))))
    return found


def our_rows(text: str) -> list[tuple[str, list[str]]]:
    """The same of our card's tables, without the computed remarks."""
    found = []
    for head, *rows in tables(text):
        remark = head.index("Comment") if "Comment" in head else len(head)
        for row in rows:
            if plain(row[0]) in NAMES:
                found.append((plain(row[0]), NUMBER.findall(" ".join(row[1:remark]))))
    return found


@pytest.mark.parametrize("name", [LIMI, QWEN3, EPISTEME])
def test_task_tables_have_the_published_rows_and_digits(name: str) -> None:
    """Row for row and digit for digit; only a sign that contradicts its own scores is put right."""
    ours, theirs = our_rows(made(name)), published_rows(name)
    wrong_sign = (EPISTEME, "hellaswag", ["0.327", "0.326", "-0.001"])
    expected = [
        (task, ["0.327", "0.326", "+0.001"] if (name, task, numbers) == wrong_sign else numbers)
        for task, numbers in theirs
    ]
    assert len(expected) >= 7
    assert ours == expected


def test_scores_beside_each_other_keep_their_digits() -> None:
    """Where the others stand together in one cell, each score that was published is there."""
    for (task, ours), (same, theirs) in zip(our_rows(made(LFM2)), published_rows(LFM2), strict=True):
        assert task == same
        assert ours[0] == theirs[0]
        assert set(theirs) - {"0.400"} <= set(ours), task  # "at least 0.400" is no score


def test_the_family_has_the_published_perplexity_speed_and_size() -> None:
    """One row a quant, in the published order and with the published digits."""
    text = (SEEDS / "cards/001_37629e234290984c.txt").read_text()
    published = re.findall(r"^(\S+)\s+([\d.]+ ± [\d.]+)\s+([\d.]+)\s+([\d.]+G)$", text, re.MULTILINE)
    head, *rows = next(table for table in tables(made(LFM2)) if table[0][:2] == ["Quant", "Perplexity"])
    assert head == ["Quant", "Perplexity", "tok/sec", "Size"]
    assert [tuple(row) for row in rows] == published


def test_the_profile_has_a_row_a_model_and_true_arrows() -> None:
    """The baseline first, six tasks each; an arrow is flat only where nothing changed."""
    head, *rows = next(table for table in tables(made(VISION)) if table[0][0] == "Model")
    assert [re.sub(r" [↑↓→]", "", cell) for cell in head] == [
        "Model", "ARC-C", "OpenBookQA", "BoolQ", "Hellaswag", "PIQA", "Winogrande", "Cognitive Style",
    ]  # fmt: skip
    assert [cell[-1] for cell in head[1:7]] == ["↑", "↑", "↓", "↑", "↓", "↓"]
    assert rows[0][:7] == ["Qwen3-VL-30B-qx86-hi", "0.393", "0.366", "0.751", "0.648", "0.776", "0.667"]
    assert rows[1][:7] == ["Qwen3-VL-43B-qx65-hi+BX20", "0.405", "0.372", "0.730", "0.672", "0.769", "0.661"]


def test_what_was_counted_wrongly_is_counted_right() -> None:
    """Two wins too many and two averages too low become what the published scores give."""
    _, *rows = next(table for table in tables(made(LIMI)) if table[0][0] == "Metric")
    assert rows == [
        ["Win Rate", "5/7 wins (71.4%)", "5/7 wins (71.4%)"],
        ["Avg. Gain", "+1.2 points", "+1.1 points"],
        ["Best Gain", "ARC Challenge (+2.5 points)", "HellaSwag (+2.1 points)"],
        ["Worst Loss", "Winogrande (-1.4 points)", "Winogrande (-0.4 points)"],
    ]


def test_explain_says_how_each_number_came_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wins, ties and losses by name, and the terms of the mean."""
    monkeypatch.setenv("BOT_ACCOUNT", "somebody")
    told = CliRunner().invoke(card, ["render", "--facts", str(SEEDS / f"{LIMI}.yaml"), "--explain"]).stderr
    assert "1 tied (BoolQ) and 1 lost (Winogrande)" in told
    assert "(+0.025 +0.022 ±0.000 +0.020 +0.014 +0.014 -0.014) / 7 = +0.01157" in told


@pytest.mark.parametrize("name", ALL)
def test_every_card_says_where_it_comes_from_and_how_to_run_it(name: str) -> None:
    """Base, tool and version; the whole name of the repo in every line to copy; links that lead there."""
    facts, text = read(SEEDS / f"{name}.yaml"), made(name)
    assert metadata(text)["base_model"] == facts.base_model
    said = f"using mlx-lm version {facts.mlx_lm_version}"
    assert said in text
    assert f"](https://huggingface.co/{facts.base_model})" in text
    assert all(f"somebody/{facts.card}" in block for block in fenced(text, "bash"))
    assert f'load("somebody/{facts.card}")' in fenced(text, "python")[0]
    assert ("mlx_vlm.generate" in text) == (name == VISION)
    assert ("\n-G\n" in text) == (name == LIMI)
    assert (f"Reviewed by {facts.reviewed_by}" in text) == (name == EPISTEME)
    assert (f"Reviewed with {facts.reviewed_by}" in text) == (name == VISION)
    assert "Deckard(qx)" in text


@pytest.mark.parametrize("name", ALL)
def test_the_perplexity_is_a_line_of_its_own(name: str) -> None:
    """Value and error with the published digits; nothing where none was published."""
    facts, text = read(SEEDS / f"{name}.yaml"), made(name)
    line = next((line for line in text.splitlines() if line.startswith("Perplexity: ")), None)
    found = facts.perplexity
    assert line == (f"Perplexity: {found.value:.3f} ± {found.stderr:.3f}" if found else None)


@pytest.mark.parametrize("name", ALL)
def test_the_first_screen_comes_first(name: str) -> None:
    """Title, one sentence of verdict, the family, lines to copy; analysis and tables after them."""
    text = body(made(name))
    marks = (f"# {name}", review(read(SEEDS / f"{name}.yaml")).verdict[:20], "| Quant |", "## Use it",
             "## What the numbers say", "<details", "## Family")  # fmt: skip
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


@pytest.mark.parametrize("template", ["quant", "rivals", "duel", "across", "siblings", "short"])
@pytest.mark.parametrize("name", ALL)
def test_every_template_takes_every_facts_file(name: str, template: str) -> None:
    """A template that finds no facts for one of its tables leaves it out."""
    facts = replace(read(SEEDS / f"{name}.yaml"), template=template)
    text = render(facts, review(facts)).text
    assert text.count("# " + name) == 1
    assert board(facts).subject.scores
