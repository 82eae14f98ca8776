"""`bot recipes tune`: from a base in a folder to a recipe file that is nearer to it than another."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from bot.cli.tune import tune
from bot.errors import BotError
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.recipes.files import read_recipe
from bot.rehearsal.bases import bases_folder
from bot.rehearsal.seed import seed
from tests.recipes.tune.texts import write_text

Run = Callable[..., Result]
FEW = ("--samples", "2", "--length", "96")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in an empty folder with a text.txt, on a rehearsal base."""
    monkeypatch.setenv("BOT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "text.txt")
    app = typer.Typer()
    app.command()(tune)

    def run(base: str, *words: str) -> Result:
        folder = base if "/" in base else str(bases_folder() / base)
        return CliRunner().invoke(app, [folder, *words])

    return run


def said(result: Result) -> Any:
    """What a run with --json printed."""
    if result.exception is not None:
        raise result.exception
    return json.loads(result.stdout)


@pytest.mark.parametrize("base", ["Tiny-Qwen3", "Tiny-LFM2-MoE"])
def test_measured_widths_are_nearer_to_the_base_at_the_same_size(base: str, run: Run, tmp_path: Path) -> None:
    """Than qx64-hi, on text that chose nothing; the file gives what was measured, and quantizes so."""
    made = said(run(base, "--like", "qx64-hi", "--text", "text.txt", *FEW, "--json"))

    assert made["kl"] < made["like"]["kl"]
    assert made["bytes"] <= made["budget_bytes"] == made["like"]["bytes"]
    assert (made["name"], made["path"], made["better"]) == (
        "tuned-qx64-hi",
        "recipes/tuned-qx64-hi.yaml",
        True,
    )
    recipe = read_recipe(tmp_path / made["path"])
    assert recipe.name == made["name"]
    assert made["recipe"]["about"] == recipe.about
    assert len(made["recipe"]["rules"]) == len(recipe.rules)
    text = (tmp_path / made["path"]).read_text()
    for word in ("seed 123", made["text"]["sha256"], "mlx-lm", "config.json sha256", base, "qx64-hi"):
        assert word in text
    for block in made["blocks"]:
        assert set(block["kl"]) == {"2", "3", "4", "5", "6", "8"}
        assert str(block["bits"]) in block["kl"]


def test_the_same_inputs_give_the_same_file(run: Run, tmp_path: Path) -> None:
    """Byte for byte, in another folder, from a copy of the base; another seed says so."""
    ask = (
        "--like",
        "qx64-hi",
        "--budget",
        "5.5bpw",
        "--text",
        "text.txt",
        "--samples",
        "1",
        "--length",
        "48",
    )
    shutil.copytree(bases_folder() / "Tiny-Qwen3", tmp_path / "copy" / "Tiny-Qwen3")
    assert run("Tiny-Qwen3", *ask, "--out", "a").exit_code == 0
    assert run(str(tmp_path / "copy" / "Tiny-Qwen3"), *ask, "--out", "b").exit_code == 0
    assert run("Tiny-Qwen3", *ask, "--out", "c", "--seed", "5").exit_code == 0
    first, again, other = ((tmp_path / each / "tuned-qx64-hi-5.5bpw.yaml").read_text() for each in "abc")
    assert first == again != other
    assert "qx64-hi is over the budget." in " ".join(first.replace("#", "").split())


def test_a_recipe_that_is_no_better_is_not_written_unless_asked_for(run: Run, tmp_path: Path) -> None:
    """Nothing beats all widths at 8 at the same size: said plainly, and in the file that --force writes."""
    ask = ("--like", "q8-hi", "--text", "text.txt", "--samples", "1", "--length", "16")
    plain = run("Tiny-Qwen3", *ask)
    assert plain.exit_code == 0
    assert "It is no better than q8-hi." in plain.stdout.replace("\n", " ")
    assert "Nothing is written" in plain.stdout
    assert not (tmp_path / "recipes").exists()
    forced = said(run("Tiny-Qwen3", *ask, "--force", "--json"))
    assert (forced["better"], forced["kl"]) == (False, forced["like"]["kl"])
    text = (tmp_path / forced["path"]).read_text()
    assert "It is no better than q8-hi." in " ".join(text.replace("#", "").split())


def test_a_dry_run_says_how_long_it_would_take_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    """Passes, seconds and memory; without a text none is fetched."""
    planned = said(run("Tiny-Qwen3", "--like", "qx64-hi", "--dry-run", "--json"))
    assert (planned["blocks"], planned["widths"], planned["passes"]) == (12, 6, 12 * 6 + 4)
    assert planned["tokens"] == 8 * 256
    assert 0 < planned["seconds"] < 3600
    assert planned["memory"] > 8 * 256 * 1024 * 4
    words = run("Tiny-Qwen3", "--like", "qx64-hi", "--dry-run").stdout
    assert "76 forward passes over 2048 tokens each" in words
    assert not (tmp_path / "recipes").exists()


def test_without_a_text_the_perplexity_dataset_is_taken(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the Hub, at the revision that the file names."""
    seed(Store(tmp_path / "hub"))
    with LoopbackHub.start(tmp_path / "hub") as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        made = said(
            run("Tiny-Qwen3", "--like", "qx64-hi", "--samples", "1", "--length", "48", "--json", "--force")
        )
    assert made["text"]["source"] == "allenai/tulu-3-sft-mixture"
    assert len(made["text"]["revision"]) == 40
    assert made["text"]["revision"] in (tmp_path / made["path"]).read_text()


LIKE = ("--like", "qx64-hi", "--text", "text.txt")
BAD: list[tuple[tuple[str, ...], int, str]] = [
    (("--like", "qx68-hi"), 2, "did you mean"),
    (("--like", "mxfp4", "--text", "text.txt"), 2, "--like mxfp4: .* no widths to choose"),
    ((*LIKE, "--budget", "cheap"), 2, "--budget: 'cheap' is no budget; write bits per weight"),
    ((*LIKE, "--budget", "2bpw"), 2, "--budget 2bpw: Tiny-Qwen3 takes 3.030 bits per weight, 299528 bytes"),
    ((*LIKE, "--samples", "9999"), 2, "--text: text.txt has .* tokens, and 19998 x 256 are needed"),
    (("--like", "qx64-hi", "--text", "none.txt"), 4, "--text: there is no file none.txt"),
    ((*LIKE, "--name", "qx86"), 2, "that name is the built-in recipe's"),
    ((*LIKE, "--name", "a", "--out", "b.yaml"), 2, "leave out --name a"),
    ((*LIKE, "--out", "text.txt/x"), 2, "--out: .*text.txt is no folder that you may write in"),
]


@pytest.mark.parametrize(("words", "code", "says"), BAD, ids=[" ".join(words[-2:]) for words, *_ in BAD])
def test_a_mistake_gets_one_sentence_and_its_exit_code(
    words: tuple[str, ...], code: int, says: str, run: Run, tmp_path: Path
) -> None:
    """What is wrong, where, and what to do; nothing is written."""
    found = run("Tiny-Qwen3", *words).exception
    assert isinstance(found, BotError)
    assert found.exit_code == code
    assert "\n" not in str(found)
    assert re.search(says, str(found))
    assert not (tmp_path / "recipes").exists()


def test_a_file_that_is_there_is_never_written_over(run: Run, tmp_path: Path) -> None:
    """Refused before anything is measured."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "tuned-qx64-hi.yaml").write_text("# mine\n")
    found = run("Tiny-Qwen3", *LIKE).exception
    assert isinstance(found, BotError)
    assert "is there already: --force" in str(found)
    assert (tmp_path / "recipes" / "tuned-qx64-hi.yaml").read_text() == "# mine\n"


@pytest.mark.parametrize("folder", ["./none", "./empty"])
def test_a_folder_without_a_base_is_refused(folder: str, run: Run, tmp_path: Path) -> None:
    """As everywhere."""
    (tmp_path / "empty").mkdir()
    found = run(folder, *LIKE).exception
    assert isinstance(found, BotError)
    assert folder.removeprefix("./") in str(found)
