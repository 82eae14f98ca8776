"""The type of everything a card can say: its schema, and what reported and measured facts have in common."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from msgspec.structs import replace

from bot.card.board import board, parameters, size_bytes, widths
from bot.card.facts import Facts, ReportedQuant
from bot.card.schema import schema, text
from bot.errors import ConfigError
from bot.publish.card_facts import encoded
from tests.card.examples import QX86_HI, card_facts

ROOT = Path(__file__).parents[2]
SEEDS = ROOT.parent / "shared" / "seeds"


def test_the_published_schema_is_that_of_the_types() -> None:
    """docs/facts.schema.json is what `python -m bot.card.schema` prints."""
    assert (ROOT / "docs" / "facts.schema.json").read_text() == text()


def test_facts_of_a_measured_quant_fit_the_schema() -> None:
    """What the bot writes is what it publishes as the form."""
    jsonschema.validate(json.loads(encoded(card_facts())), schema())


@pytest.mark.skipif(not SEEDS.is_dir(), reason="../shared/seeds is not beside this repository")
def test_the_seeds_fit_the_schema() -> None:
    """The published cards' facts, as they are."""
    files = sorted(SEEDS.glob("*-mlx.yaml"))
    assert len(files) == 5
    for path in files:
        jsonschema.validate(yaml.safe_load(path.read_text()), schema())


def test_measured_and_reported_models_stand_on_one_board() -> None:
    """A rival whose scores were only published stands beside what was measured here, without an error bar."""
    facts = replace(card_facts(), scores={"rival": {"boolq": 0.8, "piqa": None}})
    known = board(facts)
    assert [model.name for model in known.models] == ["qx86-hi", "rival", "qx64-hi", "mxfp4", "base"]
    assert {model.role for model in known.models} == {"subject", "rival", "sibling", "base"}
    rival = known.model("rival")
    assert {task: score.value for task, score in rival.scores.items()} == {"boolq": 0.8}
    assert rival.scores["boolq"].stderr is None
    assert known.subject.scores["boolq"].stderr == QX86_HI.tasks[2].stderr


@pytest.mark.parametrize("reported", [0.825, 0.8254, 0.8246])
def test_a_reported_score_may_be_the_measured_one_rounded(reported: float) -> None:
    """The measured one is shown."""
    known = board(replace(card_facts(), scores={"qx86-hi": {"boolq": reported}}))
    assert known.subject.scores["boolq"].value == 0.825


def test_a_reported_score_that_contradicts_the_measured_one_is_refused() -> None:
    """Which of the two is true, nobody can tell: the model, the task and both numbers are named."""
    with pytest.raises(ConfigError, match=r"0\.9 for qx86-hi on boolq, but 0\.8250 was measured"):
        board(replace(card_facts(), scores={"qx86-hi": {"boolq": 0.9}}))


def test_a_table_that_names_an_unknown_model_is_told() -> None:
    """With the names there are."""
    facts = Facts(card="A-q4-mlx", base_model="o/A", recipe="q4", quants=(ReportedQuant(quant="q4"),))
    with pytest.raises(ConfigError, match="'q5', which has no facts: there are q4"):
        board(facts).model("q5")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("qx86-hi", (8, 6, 32)), ("qx54g-hi", (5, 4, 32)), ("qx64", (6, 4, 64)), ("q8", (8, 8, 64)),
        ("unsloth-GLM-4.5-Air-mxfp4", (4, 4, 32)), ("nvfp4", (4, 4, 16)), ("bf16", (16, 16, None)),
        ("Qwen3-30B-A3B-qx65n-hi-mlx", (6, 5, 32)), ("full-precision", None), ("Qwen3-8B", None),
    ],
)  # fmt: skip
def test_a_name_tells_its_widths(name: str, found: tuple[int, int, int | None] | None) -> None:
    """Bits of head and attention, bits of the data, weights in a group; nothing where no recipe is named."""
    known = widths(name)
    assert (known and (known.head, known.data, known.group_size)) == found


@pytest.mark.parametrize(
    ("written", "size"),
    [("8.3G", 8.3 * 2**30), ("31 GiB", 31 * 2**30), ("940M", 940 * 2**20), ("large", None), (None, None)],
)
def test_a_size_is_read_in_binary_units(written: str | None, size: float | None) -> None:
    """As file managers of the terminal print it."""
    assert size_bytes(written) == (round(size) if size else None)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("107B", 107e9), ("Qwen3-VL-43B-A3B-Thinking", 43e9), ("8.34B", 8.34e9), ("Tiny-350M", 350e6),
        ("GLM-4.5-Air", None),
    ],
)  # fmt: skip
def test_a_name_tells_its_parameters(name: str, count: float | None) -> None:
    """The first number of weights; active ones (A3B) are no such number."""
    assert parameters(name) == count
