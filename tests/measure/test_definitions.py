"""Which task a name means, what identifies its definition and its data, and what is said of a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ConfigError, NotFound, UsageError
from bot.measure import data
from bot.measure.definitions import TaskBook
from tests.measure import local_tasks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return local_tasks.write(tmp_path)


def book(folder: Path, *names: str) -> TaskBook:
    return TaskBook(names, (str(folder),))


def load(folder: Path, asked: str) -> None:
    known = book(folder, asked)
    for name in known.names:
        known.load(name)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_groups_and_tags_are_taken_apart_into_their_tasks(folder: Path) -> None:
    """Each task once, in the order asked for, those of the cards beside one's own."""
    (folder / "tagged.yaml").write_text((folder / "last.yaml").read_text() + "tag: ends\n")
    edit(folder / "tagged.yaml", "task: last", "task: tagged")
    assert book(folder, "words", "everything", "boolq", "ends").names == (
        "words", "rivers", "story", "last", "boolq", "tagged",
    )  # fmt: skip


def test_a_task_of_ones_own_comes_before_lm_evals(folder: Path) -> None:
    """A file that defines boolq is boolq."""
    edit(folder / "rivers.yaml", "task: rivers", "task: boolq")
    found = book(folder, "boolq").data("boolq")
    assert found is not None
    assert found.name == "boolq: questions.jsonl"


def test_any_task_of_lm_eval_is_found_and_a_group_of_its_own(folder: Path) -> None:
    """One that is not on the cards is looked for in all of lm-eval; so are the members of a group."""
    (folder / "mine.yaml").write_text("group: mine\ntask: [rivers, copa]\n")
    assert book(folder, "mine", "mmlu_high_school_physics").names == (
        "rivers", "copa", "mmlu_high_school_physics",
    )  # fmt: skip
    assert len(book(folder, "mmlu").names) == 57


def test_the_hash_of_a_definition_changes_with_what_decides_and_with_nothing_else(folder: Path) -> None:
    """Comments do not count; a prompt does, and so does what stands beside a function that is used."""
    (folder / "helpers.py").write_text("SUFFIX = '?'\ndef ask(doc):\n    return doc['question'] + SUFFIX\n")
    edit(folder / "rivers.yaml", '"{{question}}"', "!function helpers.ask")
    first = {name: book(folder, name).hash(name) for name in ("rivers", "words")}
    assert first == {name: book(folder, name).hash(name) for name in first}
    assert len(set(first.values())) == 2

    edit(folder / "words.yaml", "task: words", "# a comment\ntask: words")
    assert book(folder, "words").hash("words") == first["words"]
    edit(folder / "words.yaml", '"{{question}}"', '"Q: {{question}}"')
    assert book(folder, "words").hash("words") != first["words"]
    edit(folder / "helpers.py", "'?'", "'!'")
    assert book(folder, "rivers").hash("rivers") != first["rivers"]


def test_local_data_stand_at_the_hash_of_their_contents(folder: Path) -> None:
    """Other questions are another revision, whatever their file is called."""
    found = book(folder, "rivers").data("rivers")
    assert found is not None
    before = data.revision_of(found)
    assert before.startswith("sha256:")
    assert before == data.revision_of(found)
    local_tasks.questions(folder.parent / "questions.jsonl", seed=2)
    assert data.revision_of(found) != before


def test_a_folder_of_data_is_its_files(tmp_path: Path) -> None:
    """`dataset_path` may name a folder; hidden files are none of its data."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "test.jsonl").write_text("{}\n")
    before = data.revision_of(data.of_dataset(str(tmp_path / "set")))
    (tmp_path / "set" / ".hidden").write_text("")
    assert data.revision_of(data.of_dataset(str(tmp_path / "set"))) == before
    (tmp_path / "set" / "more.jsonl").write_text("{}\n")
    assert data.revision_of(data.of_dataset(str(tmp_path / "set"))) != before


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "rivers.yaml",
            "task: rivers",
            "task: [",
            r"rivers\.yaml:\d: did not find .*; rivers cannot be measured",
        ),
        (
            "rivers.yaml",
            "{{question}}",
            "{{question",
            r"rivers\.yaml: lm-eval cannot make the task rivers of it",
        ),
        ("rivers.yaml", "multiple_choice", "riddle", "Got invalid output_type 'riddle'"),
        ("rivers.yaml", "test_split", "tset_split", "unexpected keyword argument 'tset_split'"),
        ("rivers.yaml", "test_split: test", "test_split: dev", "KeyError: 'dev'"),
        ("words.yaml", '"{{question}}"', "!function none.ask", "Cannot import module 'none'"),
        ("words.yaml", "generate_until\n", "generate_until\nunsafe_code: true\n", "runs code"),
        ("everything.yaml", "task:", "num_fewshot: 2\ntask:", "name its tasks instead"),
        ("questions.jsonl", '{"question"', '{"question', "the data of rivers cannot be read"),
    ],
)
def test_a_broken_task_is_told_in_a_sentence_with_its_file(
    folder: Path, file: str, old: str, new: str, said: str
) -> None:
    """What is wrong, in which file, and in which line where PyYAML knows it."""
    path = folder.parent / file if file.endswith("jsonl") else folder / file
    edit(path, old, new)
    with pytest.raises(ConfigError, match=said):
        load(folder, "rivers" if file.endswith("jsonl") else path.stem)


def test_an_unknown_task_is_told_with_near_names(folder: Path) -> None:
    """Of all that lm-eval and the folder know."""
    with pytest.raises(ConfigError, match="there is no task 'riverz' to measure: is rivers"):
        book(folder, "riverz")


def test_a_broken_file_that_is_not_asked_for_stops_nothing(folder: Path) -> None:
    """A folder may hold unfinished work."""
    edit(folder / "words.yaml", "task: words", "task: [")
    assert book(folder, "rivers").names == ("rivers",)


def test_data_and_folders_that_are_not_there_are_named(folder: Path) -> None:
    """A missing data file, and an include path that is none."""
    (folder.parent / "questions.jsonl").unlink()
    found = book(folder, "rivers").data("rivers")
    assert found is not None
    with pytest.raises(NotFound, match=r"questions\.jsonl, data of rivers.*, is no file"):
        data.revision_of(found)
    with pytest.raises(UsageError, match="nowhere is no folder"):
        TaskBook(("rivers",), (str(folder / "nowhere"),))
