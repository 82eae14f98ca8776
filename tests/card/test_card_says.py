"""What a card shows, read back by a Markdown parser and compared with the facts it was made from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.card.facts import CollectionLink, Facts, Update
from bot.card.numbers import NOT_MEASURED, task_title
from bot.card.render import render
from bot.records import Divergence, Gate, Measurement, NonInferiority, Perplexity, TaskScore
from bot.review.review import review
from tests.card.examples import (
    BASE,
    BASE_MEASUREMENT,
    MXFP4,
    QX64_HI,
    QX86_HI,
    SHA,
    card_facts,
    measured,
    measurement,
    repo,
)
from tests.card.parsed import body, fenced, links, metadata, pairs, tables


def card(facts: Facts) -> str:
    return render(facts, review(facts)).text


def how_measured(text: str) -> dict[str, str]:
    """The table of what makes the numbers repeatable."""
    return pairs(next(table for table in tables(text) if table[0] == ["What", "How"]))


def task_table(text: str) -> list[list[str]]:
    """The table with a row a task."""
    return next(table for table in tables(text) if table[0][:2] == ["Task", "Metric"])


def pair(cell: str) -> tuple[float, float]:
    value, stderr = cell.split(" ± ")
    return float(value), float(stderr)


def test_family_table_holds_the_measured_numbers() -> None:
    """Each model of the family has a row with size, perplexity and speed, smallest first, this one marked."""
    head, *rows = tables(card(card_facts()))[0]
    assert head[-1] == "Tokens per second (Apple M4 Max)"
    measured = {"mxfp4": MXFP4, "qx64-hi": QX64_HI, "➤ qx86-hi": QX86_HI, "base": BASE_MEASUREMENT}
    assert [row[0] for row in rows] == list(measured)
    for name, size, bits, fits, perplexity, speed in rows:
        found = measured[name]
        assert found.perplexity is not None
        assert found.speed is not None
        assert float(size.removesuffix(" GiB")) == pytest.approx(found.size_bytes / 2**30, abs=0.05)
        assert pair(perplexity) == pytest.approx((found.perplexity.value, found.perplexity.stderr), abs=5e-4)
        assert float(speed) == pytest.approx(found.speed.generation_tps, abs=0.05)
        assert bits == ("as published" if name == "base" else f"{found.bits_per_weight:.2f}")
        assert re.fullmatch(r"\d+ GB and up", fits)


def test_task_table_holds_the_measured_scores() -> None:
    """Each task has a row with its metric, number of questions, and every model's score and error."""
    head, *rows = task_table(card(card_facts()))
    columns = dict(zip(head[3:], (QX86_HI, BASE_MEASUREMENT, QX64_HI, MXFP4), strict=True))
    assert list(columns) == ["qx86-hi", "base", "qx64-hi", "mxfp4"]
    assert len(rows) == len(QX86_HI.tasks) == 7
    for position, row in enumerate(rows):
        mine = QX86_HI.tasks[position]
        assert row[:3] == [task_title(mine.task), mine.metric, str(mine.n)]
        for cell, found in zip(row[3:], columns.values(), strict=True):
            score = found.tasks[position]
            assert pair(cell) == pytest.approx((score.value, score.stderr), abs=5e-4)


def test_first_screen_comes_in_its_order() -> None:
    """Title, verdict, family, lines to copy; the long tables are folded and come after."""
    text = body(card(card_facts()))
    marks = ("# LFM2-8B-A1B-qx86-hi-mlx\n", "qx86-hi takes 8.3 GiB", "| Quant |", "lms get", "mlx_lm.chat",
             "```python", "## What the numbers say", "<details>", "| Task |", "## Family")  # fmt: skip
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert text.lstrip().startswith(marks[0])


def test_rehearsal_is_said_first_and_in_the_tags() -> None:
    """A rehearsal's card opens with saying so, with the perplexity samples, and carries a tag."""
    text = card(card_facts(rehearsal=True))
    first = body(text).lstrip().splitlines()[0]
    assert "rehearsal" in first
    assert "256 samples" in first
    assert "rehearsal" in metadata(text)["tags"]
    assert "rehearsal" not in card(card_facts())


def test_rehearsal_notice_does_not_depend_on_the_template(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A publisher's own template that forgets the notice still gives a card that opens with it."""
    own = tmp_path_factory.mktemp("templates")
    (own / "quant.md.j2").write_text("# {{ facts.name }}\n")
    facts = card_facts(rehearsal=True)
    assert "rehearsal" in body(render(facts, review(facts), own).text).lstrip().splitlines()[0]


def test_metadata_says_where_the_quant_comes_from() -> None:
    """The Hub reads base, relation, library, license, languages and tags; the base's own tags stay."""
    assert metadata(card(card_facts())) == {
        "base_model": BASE.repo,
        "base_model_relation": "quantized",
        "library_name": "mlx",
        "license": "other",
        "license_name": "lfm1.0",
        "license_link": "LICENSE",
        "language": ["en", "ja"],
        "tags": ["liquid", "edge", "mlx"],
        "pipeline_tag": "text-generation",
    }


def test_vision_base_keeps_its_task_unless_text_only() -> None:
    """A quant that lost its vision part says text-generation and has a notice; one that kept it does not."""
    vision = replace(BASE, pipeline_tag="image-text-to-text")
    whole, cut = card(card_facts(base=vision)), card(card_facts(base=vision, text_only=True))
    assert "mlx_vlm.generate" in whole
    assert "mlx_vlm" not in cut + card(card_facts())
    assert metadata(whole)["pipeline_tag"] == "image-text-to-text"
    assert metadata(cut)["pipeline_tag"] == "text-generation"
    assert "Text only." in cut
    assert "Text only." not in whole


def test_missing_numbers_are_called_not_measured() -> None:
    """Without perplexity, speed or base measurement the cells say so; no number is invented."""
    bare = replace(QX86_HI, perplexity=None, speed=None)
    text = card(card_facts(mine=bare, base_measurement=None, others=()))
    family = tables(text)[0]
    assert family[0][-1] == "Tokens per second"
    assert family[1][-2:] == [NOT_MEASURED, NOT_MEASURED]
    assert family[2] == ["base", "31.0 GiB", "as published", "48 GB and up", NOT_MEASURED, NOT_MEASURED]
    assert task_table(text)[0] == ["Task", "Metric", "Questions", "qx86-hi"]
    how = how_measured(text)
    assert how["Speed"] == how["Perplexity"] == NOT_MEASURED


def test_scores_of_another_metric_are_not_shown_as_comparable() -> None:
    """A sibling measured with acc where this quant has acc_norm leaves its cell as not measured."""
    first = QX64_HI.tasks[0]
    other = replace(QX64_HI, tasks=(replace(first, metric="acc"), *QX64_HI.tasks[1:]))
    row = task_table(card(card_facts(others=(other,))))[1]
    assert row[-1] == NOT_MEASURED


def test_card_without_any_task_stands() -> None:
    """A quant for which no task was measured still has a card, which says that."""
    text = card(card_facts(mine=replace(QX86_HI, tasks=()), others=()))
    assert "No task was measured." in text
    assert "was measured on no task" in text


def test_speeds_from_different_chips_name_theirs() -> None:
    """Where the family was measured on two chips, each speed names its own."""
    laptop = measurement("q4-hi", (0.4,), 14.0, 50.0, 4.5, 5.0, device="Apple M1, 8 cores, 16 GiB")
    rows = tables(card(card_facts(others=(laptop,))))[0]
    assert rows[0][-1] == "Tokens per second"
    assert [row[-1] for row in rows[1:]] == ["50.0 (Apple M1)", "193.0 (Apple M4 Max)", "70.4 (Apple M4 Max)"]


def test_task_that_says_nothing_is_marked() -> None:
    """A task answered with one choice throughout, by base and quant, carries a mark and its reason."""

    def rote(found: Measurement) -> Measurement:
        return replace(found, tasks=tuple(_rote(s) if s.task == "boolq" else s for s in found.tasks))

    text = card(card_facts(mine=rote(QX86_HI), base_measurement=rote(BASE_MEASUREMENT), others=()))
    assert [row[0] for row in task_table(text) if "†" in row[0]] == ["BoolQ †"]
    assert "BoolQ says nothing here: choice 2 is given in 100.0% of the answers." in text


def _rote(score: TaskScore) -> TaskScore:
    return replace(score, value=0.622, answers=(0, score.n), correct=(1236, 2034), majority=0.622)


def test_links_lead_to_base_revision_siblings_and_collections() -> None:
    """Base at its exact revision, every sibling, and the collections that have an address."""
    known = CollectionLink(title="LFM2", url="https://huggingface.co/collections/nightmedia/lfm2-1")
    text = card(card_facts(collections=(known, CollectionLink(title="Soon"))))
    found = links(text)
    assert f"https://huggingface.co/{BASE.repo}/tree/{SHA}" in found
    assert {f"https://huggingface.co/{repo(r)}" for r in ("qx64-hi", "mxfp4")} <= set(found)
    assert known.url in found
    assert "- Collection: Soon\n" in text


def test_card_says_how_it_was_measured_and_made() -> None:
    """Chat template, versions, seed, device, dataset revisions, converter line: all on the card."""
    text = card(card_facts())
    how = how_measured(text)
    assert how["Chat template"].startswith("applied")
    assert "lm-evaluation-harness 0.4.13" in how["Tasks"]
    assert how["Seed"] == "123"
    assert how["Device"] == QX86_HI.device
    assert SHA[:12] in how["Dataset revisions"]
    converted = next(line for line in text.splitlines() if line.startswith("This model "))
    for part in ("converted to MLX format from", BASE.repo, SHA, "using mlx-lm version 0.32.2"):
        assert part in converted


@pytest.mark.parametrize(
    ("asked", "hash_", "said"),
    [
        (True, "ab" * 32, "applied"),
        ("on", "ab" * 32, "applied"),
        (True, None, "the tokenizer has none"),
        (False, "ab" * 32, "not applied"),
        ("off", "ab" * 32, "not applied"),
    ],
)
def test_chat_template_is_called_applied_only_when_it_was(asked: Any, hash_: str | None, said: str) -> None:
    """Asking for a chat template that the tokenizer lacks is not applying it."""
    settings = replace(QX86_HI.settings, chat_template=asked)
    mine = replace(QX86_HI, settings=settings, chat_template_sha256=hash_)
    cell = how_measured(card(card_facts(mine=mine)))["Chat template"]
    assert said in cell
    assert cell.startswith("applied") == (said == "applied")


def test_a_card_says_that_the_tasks_were_asked_without_the_chat_template_too() -> None:
    """Where both were measured the line about the template names both."""
    both = replace(QX86_HI, tasks_without_template=QX86_HI.tasks)
    cell = how_measured(card(card_facts(mine=both)))["Chat template"]
    assert cell.endswith("; also measured without it")


def test_a_speed_that_was_withheld_is_told_with_its_reason() -> None:
    """The line about speed says why there is none, and no number stands anywhere."""
    why = "the machine was busy: other processes took 3.2 of its 16 cores"
    text = card(card_facts(mine=replace(QX86_HI, speed=None, speed_withheld=why)))
    assert how_measured(text)["Speed"] == f"not measured: {why}"
    assert "tokens per second generating" not in text


def test_updates_are_listed_with_the_files_to_fetch() -> None:
    """The block of updates says when, why, and what to download again; without updates there is none."""
    update = Update(date="2026-01-03", why="new chat template", files=("chat_template.jinja",))
    assert "- 2026-01-03: new chat template. Fetch again: `chat_template.jinja`" in card(
        card_facts(updates=(update,))
    )
    assert "## Updates" not in card(card_facts())


def test_recipe_is_explained_by_its_rules() -> None:
    """The card names the widths that the recipe's rules give, and explains Deckard only for that family."""
    assert "- Attention: 8 bits in one of every 4 layers, 6 bits in the others." in card(card_facts())
    plain = measurement("q6-hi", (0.45,), 12.9, 198.6, 7.8, 8.0)
    text = card(card_facts(mine=plain))
    assert "- Data, which is everything else: 6 bits." in text
    assert "Deckard" not in text


def test_snippets_name_the_whole_repo() -> None:
    """Copied as printed, each line finds the repo: with its owner, and the Python compiles."""
    text = card(card_facts())
    (python,) = fenced(text, "python")
    compile(python, "snippet", "exec")
    assert f'load("{repo("qx86-hi")}")' in python
    assert [line.split()[-1] for line in fenced(text, "bash")[0].splitlines()] == [repo("qx86-hi")]
    assert fenced(text, "bash")[1].splitlines()[-1] == f"mlx_lm.chat --model {repo('qx86-hi')}"


def test_perplexity_of_fewer_samples_is_said() -> None:
    """A card made from fewer perplexity samples says how many."""
    few = Perplexity(
        value=9.0, stderr=0.4, samples=16, sequence_length=128, dataset="allenai/tulu-3-sft-mixture"
    )
    text = card(card_facts(mine=replace(QX86_HI, perplexity=few)))
    how = how_measured(text)
    assert how["Perplexity"] == "16 samples of 128 tokens of allenai/tulu-3-sft-mixture"


LABEL = NonInferiority(
    verdict="non-inferior", value=-0.002, low=-0.006, high=0.003, margin=0.01, power=0.93, tasks=7,
    questions=20463, paired=True,
)  # fmt: skip


def test_the_gates_label_is_said_with_margin_bounds_and_power() -> None:
    """What was held against the base stands with what the gate allows; the label says how it was shown."""
    gate = Gate(passed=True, kl_bound=0.1, perplexity_bound=1.1, non_inferiority=LABEL)
    drift = Divergence(
        base="b", mean=0.0123, stderr=0.001, median=0.004, p99=0.2, top1=0.967, tokens=9, dataset="d"
    )
    facts = measured(card_facts(), gate=gate, measurement=replace(QX86_HI, divergence=drift))

    text = body(card(facts)).replace("\\", "")

    assert "mean KL to the base 0.0123 nats a token" in text
    assert "at most 0.1" in text
    assert "shown to be no worse than its base by a margin of 0.01" in text
    assert "(-0.006 to +0.003, one-sided 97.5 % bounds) over 7 tasks and 20,463 questions" in text
    assert "with a probability of 0.93" in text
    assert "Stopped by the gate" not in text
    assert "Against its base" not in body(card(card_facts()))


def test_what_was_stopped_or_is_not_measured_yet_is_said_on_top_whatever_the_template(
    tmp_path: Path,
) -> None:
    """Neither notice is left to a template; both come before its first line, reasons as plain text."""
    (tmp_path / "quant.md.j2").write_text("# Only this\n")
    gate = Gate(passed=False, reasons=("its KL is 9, over the <b>0.1</b>", "it loops"))
    facts = measured(card_facts(), gate=gate, measuring=True)

    text = body(render(facts, review(facts), tmp_path).text)

    places = [text.index(mark) for mark in ("Stopped by the gate.", "Measurement running.", "# Only this")]
    assert places == sorted(places)
    assert "<b>" not in text
    assert "it loops" in text
    plain = body(render(card_facts(), review(card_facts()), tmp_path).text)
    assert plain.strip() == "# Only this"
