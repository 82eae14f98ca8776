"""`.eval_results/*.yaml`: only for what the Hub lists, only from whole tasks, never from a rehearsal."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries
from msgspec.structs import replace

from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.publish import eval_results
from bot.publish.eval_results import ASKED, Task, entries, listed
from bot.publish.files import describe
from bot.records import Measurement
from bot.settings import Settings
from tests.card.examples import QX86_HI, SHA

HELLASWAG: dict[str, tuple[Task, ...]] = {"Rowan/hellaswag": (Task(id="hellaswag", split="validation"),)}
ARC: dict[str, tuple[Task, ...]] = {
    "allenai/ai2_arc": (
        Task(id="easy", config="ARC-Easy", split="test"),
        Task(id="challenge", config="ARC-Challenge", split="test"),
        Task(id="other", config="ARC-Challenge", split="validation"),
    )
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    with LoopbackHub.start(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def door(hub: LoopbackHub, tmp_path: Path) -> HubDoor:
    return HubDoor(Settings(home=tmp_path / "home", endpoint=hub.endpoint), token="hf_me")


def benchmark(hub: LoopbackHub, dataset: str, specification: str | None, *, official: bool = True) -> None:
    """A dataset on the Hub, on the Hub's list of benchmarks or not."""
    store = Store(hub.root)
    store.create_repo("dataset", dataset)
    tags = "tags: ['benchmark:official']\n" if official else ""
    files = {"README.md": f"---\nlicense: mit\n{tags}---\n".encode()}
    if specification is not None:
        files["eval.yaml"] = specification.encode()
    store.commit("dataset", dataset, files)


def read(text: str) -> list[Any]:
    return parse_eval_result_entries(yaml.safe_load(text))


def test_a_score_becomes_an_entry_of_the_hubs_own_format() -> None:
    """Dataset, task, value, revision and date as measured; where the evidence lies; how it was asked."""
    found = entries(QX86_HI, HELLASWAG | ARC, "https://hub/me/quant/tree/main")

    assert list(found) == [".eval_results/ai2_arc.yaml", ".eval_results/hellaswag.yaml"]
    challenge, easy = found[".eval_results/ai2_arc.yaml"]
    assert (challenge.task_id, easy.task_id) == ("challenge", "easy")
    (entry,) = found[".eval_results/hellaswag.yaml"]
    score = next(score for score in QX86_HI.tasks if score.task == "hellaswag")
    assert (entry.dataset_id, entry.task_id, entry.value) == ("Rowan/hellaswag", "hellaswag", score.value)
    assert (entry.dataset_revision, entry.date) == (SHA, QX86_HI.measured_at)
    assert entry.source_url == "https://hub/me/quant/tree/main"
    assert "0-shot" in str(entry.notes)
    assert "lm-evaluation-harness 0.4.13" in str(entry.notes)


@pytest.mark.parametrize(
    ("measurement", "listing"),
    [
        (QX86_HI, {}),
        (QX86_HI, {"Rowan/hellaswag": ()}),
        (QX86_HI, {"Rowan/hellaswag": (Task(id="test", split="test"),)}),
        (replace(QX86_HI, settings=replace(QX86_HI.settings, limit=100)), HELLASWAG),
        (replace(QX86_HI, tasks=()), HELLASWAG),
    ],
)
def test_nothing_is_said_of_other_questions_than_the_benchmarks(
    measurement: Measurement, listing: dict[str, tuple[Task, ...]]
) -> None:
    """Not listed, other questions of the same dataset, cut short, not measured: no entry."""
    assert entries(measurement, listing, "https://hub") == {}


def test_the_hub_is_asked_which_datasets_are_benchmarks(hub: LoopbackHub, door: HubDoor) -> None:
    """On its list and with a readable eval.yaml: its tasks count; a list alone or a file alone does not."""
    one = uuid.uuid4().hex[:8]
    names = [f"d{one}/{word}" for word in ("good", "unlisted", "bare", "broken", "hostile")]
    task = "tasks:\n- {id: t, config: c, split: test, solvers: [{name: x}]}\n"
    benchmark(hub, names[0], f"name: A benchmark\n{task}")
    benchmark(hub, names[1], task, official=False)
    benchmark(hub, names[2], None)
    benchmark(hub, names[3], "tasks: [1]")
    benchmark(hub, names[4], "!!python/object/apply:os.getcwd []")

    found = listed(door, [*names, f"d{one}/missing"])

    assert found == {
        names[0]: (Task(id="t", config="c", split="test"),),
        names[2]: (),
        names[3]: (),
        names[4]: (),
    }


def test_written_into_the_folder_listed_and_no_offence_to_the_check(
    hub: LoopbackHub, door: HubDoor, tmp_path: Path
) -> None:
    """A file that the Hub's client reads back; older ones go; a rehearsal writes none and asks nobody."""
    benchmark(hub, "Rowan/hellaswag", "tasks:\n- {id: hellaswag, split: validation}\n")
    folder = tmp_path / "Quant-mlx"
    (folder / ".eval_results").mkdir(parents=True)
    (folder / ".eval_results" / "old.yaml").write_text("[]")

    assert eval_results.write(folder, door, "me/q", QX86_HI, rehearsal=False) == (
        ".eval_results/hellaswag.yaml",
    )
    (entry,) = read((folder / ".eval_results" / "hellaswag.yaml").read_text())
    assert (entry.dataset_id, entry.task_id) == ("Rowan/hellaswag", "hellaswag")
    assert [file.path for file in describe(folder)] == [".eval_results/hellaswag.yaml"]

    hub.forget_requests()
    assert eval_results.write(folder, door, "me/q", QX86_HI, rehearsal=True) == ()
    assert describe(folder) == ()
    assert hub.requests() == []


def test_every_task_of_the_cards_says_which_questions_it_asks() -> None:
    """The table has the seven, with the datasets that are measured."""
    assert set(ASKED) == set(QX86_HI.settings.tasks)
