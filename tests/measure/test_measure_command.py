"""`bot measure` on tiny models: without any Hub and with tasks of one's own, and from a loopback Hub."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from bot.cli.progress import time_left
from bot.measure.request import Measurements
from bot.measure.results import load_outcomes
from bot.records import from_json
from bot.watch.watchlist import of_document
from bot.yaml_lines import Document
from tests.measure import local_tasks, tiny
from tests.measure.local_tasks import QUESTIONS

NO_HUB = "http://127.0.0.1:9"


class Place:
    """A folder with models, tasks and a BOT_HOME, and the command in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.base = tiny.model_folder(root / "Tiny")
        self.quant = tiny.model_folder(root / "Tiny-q4-hi-mlx", quantization=tiny.Q4)
        self.tasks = local_tasks.write(root / "own")
        home = root / "home"
        self.environment = {
            **os.environ, "BOT_HOME": str(home), "HF_ENDPOINT": NO_HUB, "HF_HOME": str(root / "hf"),
            "HF_DATASETS_OFFLINE": "1",
        }  # fmt: skip

    def bot(
        self, *arguments: str | Path, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bot", "measure", *map(str, arguments)]
        return subprocess.run(
            command, env=environment or self.environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def family(place: Place) -> tuple[str | Path, ...]:
    return (
        place.quant, "--against", place.base, "--include-path", place.tasks, "--tasks", "everything",
        "--chat-template", "both",
    )  # fmt: skip


@pytest.fixture(scope="module")
def measured(place: Place, family: tuple[str | Path, ...]) -> tuple[Measurements, str, str]:
    """What was written, printed, and said meanwhile."""
    done = place.bot(*family, "--json", place.root / "out.json")
    assert done.returncode == 0, done.stderr
    written = json.loads((place.root / "out.json").read_bytes())
    return from_json(Measurements, written), done.stdout, done.stderr


@pytest.mark.parametrize("templated", [False, True])
def test_lm_evals_own_command_gives_the_same_scores(
    place: Place, measured: tuple[Measurements, str, str], templated: bool
) -> None:
    """`python -m bot.measure.harness`, as the README prints it, has the engine under the name `qx`."""
    out = place.root / f"lm-eval-{templated}"
    command = [
        sys.executable, "-m", "bot.measure.harness", "--model", "qx", "--model_args", f"path={place.quant}",
        "--tasks", "everything", "--include_path", str(place.tasks), "--output_path", str(out),
        *(["--apply_chat_template"] if templated else []),
    ]  # fmt: skip
    done = subprocess.run(command, env=place.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (written,) = out.rglob("results_*.json")
    found = json.loads(written.read_text())["results"]
    quant = measured[0].items[1]
    for score in quant.tasks if templated else quant.tasks_without_template:
        assert found[score.task][f"{score.metric},none"] == pytest.approx(score.value, abs=1e-6), score.task


def test_a_quant_and_its_base_are_measured_without_any_hub(
    measured: tuple[Measurements, str, str],
) -> None:
    """Both on every task of the group, with the chat template and without, from local files alone."""
    base, quant = measured[0].items
    assert (base.name, base.recipe, quant.name, quant.recipe) == ("Tiny", None, "Tiny-q4-hi-mlx", "q4-hi")
    for item in (base, quant):
        for scores, template in ((item.tasks, True), (item.tasks_without_template, False)):
            assert [score.task for score in scores] == ["rivers", "words", "story", "last"]
            assert {score.n for score in scores} == {QUESTIONS}
            assert all(re.fullmatch("[0-9a-f]{64}", score.task_hash) for score in scores)
            choice = scores[0]
            assert choice.chat_template is template
        assert item.size_bytes > 0
        assert item.peak_memory_bytes > 0
        assert (item.speed is None) == bool(item.speed_withheld)
        assert set(item.dataset_revisions) == {f"{score.task}: questions.jsonl" for score in item.tasks}
        assert all(sha.startswith("sha256:") for sha in item.dataset_revisions.values())


def test_perplexity_without_a_hub_is_left_out_and_said(measured: tuple[Measurements, str, str]) -> None:
    """One sentence, with the option that asks for none."""
    assert all(item.perplexity is None for item in measured[0].items)
    assert "perplexity is left out: its text, the dataset allenai/tulu-3-sft-mixture" in measured[2]
    assert "--no-perplexity" in measured[2]


def test_outcomes_are_kept_of_what_is_right_or_wrong_question_by_question(
    measured: tuple[Measurements, str, str], place: Place
) -> None:
    """Choices by position, texts as they are, and none of a perplexity."""
    store = next(place.root.glob("home/**/measurements"))
    for item in measured[0].items:
        kept = {s.task: load_outcomes(store / s.outcomes) if s.outcomes else None for s in item.tasks}
        assert kept["story"] is None
        for name in ("rivers", "words", "last"):
            assert len(kept[name] or ()) == QUESTIONS


def test_the_table_shows_both_models_and_what_says_nothing(measured: tuple[Measurements, str, str]) -> None:
    """A column each, chance and majority beside, a mark and its reason, and how it was computed."""
    printed = measured[1]
    assert "q4-hi: Tiny-q4-hi-mlx\nbase: Tiny\n" in printed
    assert "tasks, with the chat template" in printed
    assert "tasks, without the chat template" in printed
    head = next(line for line in printed.splitlines() if line.startswith("task "))
    assert head.split() == ["task", "metric", "n", "q4-hi", "base", "chance", "majority"]
    assert re.search(r"^rivers +acc +12 .*0\.333 +0\.500$", printed, re.MULTILINE)
    assert re.search(r"^† rivers, base says nothing: ", printed, re.MULTILINE)
    for row in ("generating", "peak memory", "size on disk", "computed"):
        assert re.search(rf"^{row} ", printed, re.MULTILINE)


def test_a_dry_run_says_what_is_kept_and_what_would_be_measured(
    measured: tuple[Measurements, str, str], place: Place, family: tuple[str | Path, ...]
) -> None:
    """After a measurement nothing is left; with other questions the tasks are."""
    assert measured
    same = place.bot(*family, "--no-speed", "--dry-run")
    assert same.stdout.count("would be measured: nothing") == 2
    assert "kept already: rivers, words, story, last, rivers without chat template" in same.stdout
    fewer = place.bot(*family, "--no-speed", "--limit", "3", "--dry-run", "--json", "-")
    plan = json.loads(fewer.stdout)
    assert plan["dry_run"] is True
    assert plan["tasks"] == ["rivers", "words", "story", "last"]
    assert [(len(model["kept"]), len(model["to_measure"])) for model in plan["models"]] == [(0, 8), (0, 8)]


def test_a_broken_quant_ends_in_an_error_and_its_base_is_told(place: Place) -> None:
    """The table and the JSON hold what could be measured; the exit code is that of the error."""
    broken = tiny.model_folder(place.root / "Broken-q4-hi-mlx", broken=True)
    done = place.bot(
        broken, "--against", place.base, "--include-path", place.tasks, "--tasks", "rivers", "--no-speed",
        "--no-perplexity", "--json", place.root / "broken.json",
    )  # fmt: skip
    assert done.returncode == 10
    assert "bot: Broken-q4-hi-mlx answers question 0 of rivers with a likelihood that is not" in done.stderr
    written = from_json(Measurements, json.loads((place.root / "broken.json").read_bytes()))
    assert [item.name for item in written.items] == ["Tiny"]
    assert [failed.name for failed in written.failed] == ["Broken-q4-hi-mlx"]
    assert "rivers" in done.stdout


@pytest.fixture(scope="module")
def on_hub(place: Place, environment: dict[str, str]) -> str:
    """The quant in a repo of the loopback Hub, among files that nobody needs."""
    api = HfApi(endpoint=environment["HF_ENDPOINT"], token="hf_somebody")
    api.create_repo("somebody/Tiny-q4-hi-mlx")
    api.upload_folder(repo_id="somebody/Tiny-q4-hi-mlx", folder_path=place.quant)
    api.upload_file(path_or_fileobj=b"x" * 1000, path_in_repo="huge.gguf", repo_id="somebody/Tiny-q4-hi-mlx")
    return "somebody/Tiny-q4-hi-mlx"


def test_a_repo_is_fetched_and_measured_and_json_goes_to_standard_output(
    place: Place, environment: dict[str, str], on_hub: str
) -> None:
    """Only what is needed is fetched, a task of the cards has the Hub's data, nothing else is printed."""
    tasks = ("--tasks", "piqa", "--limit", "4", "--no-speed", "--no-perplexity")
    planned = place.bot(on_hub, *tasks, "--dry-run", environment=environment)
    assert re.search(rf"^{on_hub} at [0-9a-f]{{12}} would be fetched \(.* KiB\)", planned.stdout)
    done = place.bot(on_hub, *tasks, "--json", "-", environment=environment)
    assert done.returncode == 0, done.stderr
    (item,) = from_json(Measurements, json.loads(done.stdout)).items
    assert (item.name, item.recipe) == (on_hub, "q4-hi")
    assert [(score.task, score.metric, score.n) for score in item.tasks] == [("piqa", "acc_norm", 4)]
    assert done.stderr == ""
    fetched = [path.name for path in Path(environment["BOT_HOME"]).rglob("fetched/**/snapshots/*/*")]
    assert "model.safetensors" in fetched
    assert "huge.gguf" not in fetched


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("./nowhere",), 4, "./nowhere is no folder: give the folder of a model, or owner/name"),
        (("nowhere",), 2, "'nowhere' is no folder and no repo"),
        (("{tasks}",), 6, "has no config.json"),
        (("{quant}", "--json", "{tasks}"), 2, "name a file in a folder that you may write in"),
        (("{quant}", "--tasks", "", "--no-speed", "--no-perplexity"), 3, "nothing is asked for"),
        (
            ("{quant}", "--tasks", "rivers", "--include-path", "{root}/none", "--no-perplexity"),
            2,
            "is no folder",
        ),
        (("{quant}", "--tasks", "odd", "--include-path", "{odd}", "--no-perplexity"), 3, "odd.yaml:2: "),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    place: Place, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """With the exit code of the README's table and no traceback."""
    odd = place.root / "odd"
    odd.mkdir(exist_ok=True)
    (odd / "odd.yaml").write_text("task: odd\nmetric_list: ]\n")
    words = {"tasks": place.tasks, "quant": place.quant, "root": place.root, "odd": odd}
    done = place.bot(*(argument.format(**words) for argument in arguments))
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("bot: ") == 1


@pytest.mark.parametrize(
    ("said", "templates"),
    [
        ("on", (True,)), ("off", (False,)), ("true", (True,)), ("false", (False,)), ("'on'", (True,)),
        ("both", (True, False)),
    ],
)  # fmt: skip
def test_a_watchlist_may_say_the_chat_template_in_words_or_as_a_boolean(
    said: str, templates: tuple[bool, ...]
) -> None:
    """`both` asks with it first: those are the scores."""
    text = f"account: me\nrecipes: [qx86-hi]\nmeasure: {{chat_template: {said}}}\nrepos: [{{repo: a/b}}]\n"
    assert of_document(Document(text.encode(), "watchlist.yaml")).measure.templates == templates


@pytest.mark.parametrize(
    ("seconds", "done", "left", "said"),
    [
        (60, 1, 1, "60 s left"),
        (60, 1, 3, "3 min left"),
        (600, 1, 12, "2.0 h left"),
        (4, 1, 1, ""),
        (60, 0, 1, ""),
        (60, 1, 0, ""),
    ],
)
def test_time_left_is_told_when_there_is_something_to_tell_it_from(
    seconds: float, done: float, left: float, said: str
) -> None:
    """As long for each part as on average until now, in the unit that people would use."""
    assert time_left(seconds, done, left) == said
