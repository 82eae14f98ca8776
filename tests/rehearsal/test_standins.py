"""What the stand-in data promises: the real columns, the same bytes every time, new combinations."""

from __future__ import annotations

import io
import itertools

import pyarrow.parquet as pq
import pytest
import yaml

from bot.rehearsal import corpus, datasets, questions

REAL_COLUMNS = {
    "arc_easy": ["id", "question", "choices", "answerKey"],
    "arc_challenge": ["id", "question", "choices", "answerKey"],
    "boolq": ["question", "passage", "idx", "label"],
    "hellaswag": [
        "ind", "activity_label", "ctx_a", "ctx_b", "ctx", "endings", "source_id", "split", "split_type",
        "label",
    ],
    "openbookqa": ["id", "question_stem", "choices", "answerKey"],
    "piqa": ["goal", "sol1", "sol2", "label"],
    "winogrande": ["sentence", "option1", "option2", "answer"],
}  # fmt: skip


@pytest.fixture(scope="module")
def standins() -> dict[str, dict[str, bytes]]:
    return datasets.standins()


def test_the_data_is_the_same_every_time(standins: dict[str, dict[str, bytes]]) -> None:
    """Made twice, every file of every dataset has the same bytes."""
    assert datasets.standins() == standins


@pytest.mark.parametrize("standin", datasets.STANDINS, ids=lambda s: s.task)
def test_a_stand_in_has_the_columns_and_splits_of_the_real_one(
    standin: datasets.Standin, standins: dict[str, dict[str, bytes]]
) -> None:
    """Train, validation and test are there, in the real dataset's columns, and no question comes twice."""
    for split in ("train", "validation", "test"):
        table = pq.read_table(
            io.BytesIO(standins[standin.repo][f"{standin.config}/{split}-00000-of-00001.parquet"])
        )
        assert table.column_names == REAL_COLUMNS[standin.task]
        rows = [str({**row, "idx": 0, "ind": 0}) for row in table.to_pylist()]
        assert len(set(rows)) == len(rows) >= datasets.FEW_SHOT_ROWS


def test_every_readme_names_its_files_and_says_what_it_is(standins: dict[str, dict[str, bytes]]) -> None:
    """The metadata lists every config and split; the first line says that nothing here is real data."""
    for repo, files in standins.items():
        _, metadata, text = files["README.md"].decode().split("---\n", 2)
        assert text.splitlines()[0].startswith(
            f"This is a rehearsal stand-in made by qx-bot, not the real {repo}"
        )
        named = [f for config in yaml.safe_load(metadata)["configs"] for f in config["data_files"]]
        assert len(named) == sum(path.endswith(".parquet") for path in files)


@pytest.mark.parametrize("task", ["hellaswag", "winogrande"])
def test_what_is_asked_was_not_in_the_training_text(task: str) -> None:
    """Questions put together from parts are new combinations, which no training document holds."""
    asked = {
        questions.turn(task, row)
        for row in questions.rows(task, "validation", datasets.OTHER_EVALUATION_ROWS, held_out=True)
    }
    taught = set()
    for document in itertools.islice(corpus.documents(7), 20_000):
        if not isinstance(document, str):
            taught.add((document[0]["content"], document[1]["content"]))
    assert not asked & taught


def test_there_is_text_enough_for_perplexity(standins: dict[str, dict[str, bytes]]) -> None:
    """The chat text holds far more than 256 rows of 512 tokens, counted by words, in chat turns."""
    table = pq.read_table(io.BytesIO(standins[datasets.CONVERSATIONS]["data/train-00000-of-00001.parquet"]))
    messages = [m for row in table.column("messages").to_pylist() for m in row]
    assert {m["role"] for m in messages} == {"user", "assistant"}
    assert sum(len(m["content"].split()) for m in messages) > 100_000
