"""The measuring child on the real lm-eval tasks, whose data comes from a loopback Hub."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import msgspec
import pytest

from bot import child
from bot.child import Progress
from bot.errors import ConfigError, NotFound, VerificationFailed
from bot.measure import family
from bot.measure.data import Data
from bot.measure.definitions import KNOWN, TaskBook
from bot.measure.request import Measurements, MeasureRequest, ModelToMeasure
from bot.measure.results import load_outcomes
from bot.measure.statistics import paired_difference, proportion_stderr
from bot.records import Measurement, MeasureSettings
from tests.measure import tiny

LIMIT = 10
SETTINGS = MeasureSettings(
    limit=LIMIT,
    perplexity_samples=4,
    perplexity_sequence_length=64,
    prompt_tokens=16,
    generation_tokens=4,
    speed_trials=2,
)
FEW = msgspec.structs.replace(SETTINGS, tasks=("piqa", "boolq"), speed_trials=0)
TASKS_ONLY = msgspec.structs.replace(FEW, perplexity_samples=0)
DATASETS = {
    "arc_challenge": "allenai/ai2_arc",
    "arc_easy": "allenai/ai2_arc",
    "boolq": "aps/super_glue",
    "hellaswag": "Rowan/hellaswag",
    "openbookqa": "allenai/openbookqa",
    "piqa": "baber/piqa",
    "winogrande": "allenai/winogrande",
}
ACCURACY_ONLY = {"boolq", "winogrande"}


def quiet(measured: Measurement) -> Measurement:
    """Without what is measured again where the machine was busy: a speed that was withheld."""
    return msgspec.structs.replace(
        measured, speed=None, speed_withheld=None, peak_memory_bytes=0, measured_at="", seconds=0.0
    )


class KilledError(Exception):
    """The parent went away."""


def ignore(progress: Progress) -> None:
    """Progress that nobody looks at."""


def request(store: Path, settings: MeasureSettings, *folders: Path) -> MeasureRequest:
    """The first folder is the base, the others are its quants."""
    models = [
        ModelToMeasure(
            name=folder.name, path=str(folder), size_bytes=1000, recipe=folder.name if number else None
        )
        for number, folder in enumerate(folders)
    ]
    return MeasureRequest(models=tuple(models), settings=settings, store=str(store))


def measure(
    asked: MeasureRequest, environment: dict[str, str], log: Path, on_progress: child.Report = ignore
) -> Measurements:
    return child.run(
        "bot.measure", asked, Measurements, log=log, environment=environment, on_progress=on_progress
    )


def mlx_lm(environment: dict[str, str], *arguments: str) -> str:
    """What an mlx_lm command prints, in a process of its own."""
    start = (
        "import sys, importlib, datasets; datasets.config.USE_PARQUET_EXPORT = False; from bot import blas; "
        "blas.load_openblas(); sys.argv = sys.argv[1:]; importlib.import_module(sys.argv[0]).main()"
    )
    command = [sys.executable, "-c", start, *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A float32 base (so that mlx_lm computes it as the bot does) and its 4-bit quant."""
    root = tmp_path_factory.mktemp("models")
    return (
        tiny.model_folder(root / "base", dtype=mx.float32),
        tiny.model_folder(root / "base-q4", quantization=tiny.Q4),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def measured(
    folders: tuple[Path, Path], store: Path, environment: dict[str, str]
) -> tuple[Measurements, list[Progress]]:
    told: list[Progress] = []
    asked = request(store, SETTINGS, *folders)
    return measure(asked, environment, store / "log", told.append), told


def test_a_family_is_measured_on_all_seven_tasks(measured: tuple[Measurements, list[Progress]]) -> None:
    """Every score names its metric and says how sure it is, and the rest of the card's numbers are there."""
    items = measured[0].items
    assert [item.name for item in items] == ["base", "base-q4"]
    for item in items:
        assert tuple(score.task for score in item.tasks) == SETTINGS.tasks
        for score in item.tasks:
            assert score.metric == ("acc" if score.task in ACCURACY_ONLY else "acc_norm")
            assert score.n == sum(score.answers) == sum(score.correct) == LIMIT
            assert score.stderr == pytest.approx(proportion_stderr(score.value, LIMIT))
            assert score.chance == pytest.approx(1 / len(score.correct))
            assert score.majority == max(score.correct) / LIMIT
        assert item.perplexity is not None
        assert item.perplexity.value > 1
        assert (item.speed is None) == bool(item.speed_withheld)  # this machine may be busy
        assert item.speed is None or item.speed.generation_tps > 0
        assert item.peak_memory_bytes > 0
        assert (item.compute_dtype, item.recipe) == ("float32", None if item is items[0] else "base-q4")
        assert item.versions.keys() >= {"mlx", "mlx-lm", "lm-eval"}
    assert items[0].chat_template_sha256 == items[1].chat_template_sha256 is not None


def test_the_revisions_of_all_datasets_are_kept(
    measured: tuple[Measurements, list[Progress]],
) -> None:
    """Each dataset stands with the commit it had on the Hub."""
    revisions = measured[0].items[0].dataset_revisions
    assert revisions.keys() == {*DATASETS.values(), SETTINGS.perplexity_dataset}
    assert all(re.fullmatch("[0-9a-f]{40}", sha) for sha in revisions.values())
    perplexity = measured[0].items[0].perplexity
    assert perplexity is not None
    assert perplexity.dataset_sha == revisions[perplexity.dataset]


def test_progress_runs_from_nothing_to_all_measurements(
    measured: tuple[Measurements, list[Progress]],
) -> None:
    """It never goes back, names model and measurement, and ends at two models times nine measurements."""
    told = [progress for progress in measured[1] if progress.stage == "measure"]
    done = [progress.done for progress in told]
    assert done == sorted(done)
    assert (done[0], done[-1], told[-1].total) == (0, 18, 18)
    assert {"base: speed", "base: perplexity", "base-q4: hellaswag"} <= {progress.what for progress in told}


def test_outcomes_of_every_question_are_kept_and_can_be_paired(
    measured: tuple[Measurements, list[Progress]], store: Path
) -> None:
    """The kept outcomes give the score again, and base and quant answered the same questions."""
    for base, quant in zip(*(item.tasks for item in measured[0].items), strict=True):
        assert base.outcomes is not None
        assert quant.outcomes is not None
        first, second = load_outcomes(store / base.outcomes), load_outcomes(store / quant.outcomes)
        assert [o.question_hash for o in first] == [o.question_hash for o in second]
        assert sum(o.correct for o in first) / LIMIT == pytest.approx(base.value)
        assert all(o.correct == (o.answer == o.right) for o in (*first, *second))
        difference = paired_difference([o.correct for o in first], [o.correct for o in second])
        assert difference.value == pytest.approx(quant.value - base.value)


def test_the_numbers_are_those_of_mlx_lm_evaluate(
    measured: tuple[Measurements, list[Progress]],
    folders: tuple[Path, Path],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """`mlx_lm.evaluate` on the same folder, task and limit prints the same accuracy and stderr."""
    mlx_lm(
        environment, "mlx_lm.evaluate", "--model", str(folders[0]), "--tasks", "arc_easy", "winogrande",
        "--limit", str(LIMIT), "--output-dir", str(tmp_path),
    )  # fmt: skip
    theirs = json.loads(next(tmp_path.glob("eval_*")).read_text())
    for score in measured[0].items[0].tasks:
        if score.task in theirs:
            assert score.value == pytest.approx(theirs[score.task][f"{score.metric},none"])
            assert score.stderr == pytest.approx(theirs[score.task][f"{score.metric}_stderr,none"])


def test_the_perplexity_is_that_of_mlx_lm_perplexity(
    measured: tuple[Measurements, list[Progress]], folders: tuple[Path, Path], environment: dict[str, str]
) -> None:
    """The same text and seed, and the same value and error to the digits that it prints."""
    ours = measured[0].items[0].perplexity
    assert ours is not None
    printed = mlx_lm(
        environment, "mlx_lm.perplexity", "--model", str(folders[0]), "--num-samples", "4",
        "--sequence-length", "64",
    )  # fmt: skip
    assert f"Perplexity: {ours.value:.3f} ± {ours.stderr:.3f}" in printed


def test_a_second_measurement_costs_nothing_and_a_changed_request_only_what_changed(
    measured: tuple[Measurements, list[Progress]],
    folders: tuple[Path, Path],
    store: Path,
    environment: dict[str, str],
    log: Path,
) -> None:
    """Asked again, the answer is the stored one; another limit repeats the tasks and nothing else."""
    first = measured[0]
    again = measure(request(store, SETTINGS, *folders), environment, log)
    assert [quiet(item) for item in again.items] == [quiet(item) for item in first.items]
    fewer = msgspec.structs.replace(SETTINGS, limit=4, tasks=("piqa",))
    changed = measure(request(store, fewer, folders[0]), environment, log).items[0]
    assert changed.perplexity == first.items[0].perplexity
    assert first.items[0].speed in (None, changed.speed)
    assert [(score.task, score.n) for score in changed.tasks] == [("piqa", 4)]


def test_a_killed_measurement_goes_on_with_the_next_unfinished_task(
    folders: tuple[Path, Path], environment: dict[str, str], tmp_path: Path, log: Path
) -> None:
    """What was finished before the kill is read, not measured again; the rest follows."""
    asked = request(tmp_path / "store", FEW, *folders)

    def kill_in_second_model(progress: Progress) -> None:
        if progress.what == "base-q4: boolq":
            raise KilledError

    with pytest.raises(KilledError):
        measure(asked, environment, log, kill_in_second_model)
    files = [path for path in (tmp_path / "store").rglob("*") if path.suffix in (".json", ".gz")]
    kept = {path: path.stat().st_mtime_ns for path in files}
    assert len([path for path in kept if path.suffix == ".json"]) == 5  # of two models times three
    whole = measure(asked, environment, log)
    assert [len(item.tasks) for item in whole.items] == [2, 2]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_a_broken_quant_is_told_and_its_siblings_are_measured(
    folders: tuple[Path, Path], environment: dict[str, str], tmp_path: Path, log: Path
) -> None:
    """Weights that are not numbers give no measurement but a sentence; the next quant is measured."""
    broken = tiny.model_folder(tmp_path / "base-q2", broken=True)
    whole = measure(request(tmp_path / "store", FEW, folders[0], broken, folders[1]), environment, log)
    assert [item.name for item in whole.items] == ["base", "base-q4"]
    (failed,) = whole.failed
    assert (failed.recipe, failed.error_kind) == ("base-q2", "VerificationFailed")
    assert "perplexity of base-q2 is not a finite number" in failed.error


def test_a_broken_base_stops_the_family(environment: dict[str, str], tmp_path: Path, log: Path) -> None:
    """Without the base's numbers there is nothing to compare with; the sentence names task and question."""
    broken = tiny.model_folder(tmp_path / "base", broken=True)
    with pytest.raises(VerificationFailed, match="base answers question 0 of piqa with a likelihood"):
        measure(request(tmp_path / "store", TASKS_ONLY, broken), environment, log)


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        (
            msgspec.structs.replace(FEW, tasks=(), perplexity_samples=10**6),
            ConfigError,
            "holds fewer than 1000000 x 64 tokens",
        ),
        (
            msgspec.structs.replace(FEW, tasks=(), perplexity_dataset="nobody/nothing"),
            NotFound,
            "nobody/nothing is not on the Hub",
        ),
    ],
    ids=["too little text", "no such dataset"],
)
def test_a_request_that_cannot_be_measured_is_refused_in_a_sentence(
    folders: tuple[Path, Path],
    environment: dict[str, str],
    tmp_path: Path,
    log: Path,
    settings: MeasureSettings,
    error: type[Exception],
    sentence: str,
) -> None:
    """Each mistake is named, with the value that is wrong."""
    with pytest.raises(error, match=sentence):
        measure(request(tmp_path / "store", settings, folders[0]), environment, log)


def test_settings_that_measure_nothing_known_are_refused_at_once(tmp_path: Path) -> None:
    """A task that is not on the cards, or no measurement at all, is refused before anything is loaded."""
    with pytest.raises(ConfigError, match="no task 'boolqq' to measure: is boolq"):
        family.measure(request(tmp_path, msgspec.structs.replace(FEW, tasks=("boolqq",))), ignore)
    with pytest.raises(ConfigError, match="nothing is asked for"):
        family.measure(request(tmp_path, msgspec.structs.replace(TASKS_ONLY, tasks=())), ignore)


def test_the_known_tasks_are_lm_evals_own() -> None:
    """Each of the seven is found in its folder of the installed lm-eval, with the dataset of the cards."""
    book = TaskBook(tuple(KNOWN))
    assert book.names == tuple(KNOWN)
    assert {name: book.data(name) for name in KNOWN} == {
        name: Data(name=dataset) for name, dataset in DATASETS.items()
    }


def test_numbers_are_finite_in_json(measured: tuple[Measurements, list[Progress]]) -> None:
    """Nothing in a measurement is NaN or infinite, which JSON could not carry."""
    text = msgspec.json.encode(measured[0]).decode()
    assert "NaN" not in text
    assert all(math.isfinite(score.value) for item in measured[0].items for score in item.tasks)
