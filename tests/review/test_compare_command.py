"""`bot compare` at the command line, on files as `bot measure --json` and the flow leave them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.cli import main
from bot.measure.request import Measurements
from bot.records import Divergence, Measurement, to_json
from tests.card.examples import BASE, BASE_MEASUREMENT
from tests.review.kept import family, quant_folder

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.chdir(tmp_path)
    from bot import settings

    return settings.from_environment().measurements


@pytest.fixture
def command(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`bot compare …`: exit code, standard output, standard error."""
    monkeypatch.setattr("bot.cli.settings.apply", lambda _: None)  # this process keeps its own environment

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bot", "compare", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        code = end.value.code
        printed = capsys.readouterr()
        return int(code or 0), printed.out, printed.err

    return run


def document(path: Path, *items: Measurement) -> str:
    path.write_text(json.dumps(to_json(Measurements(items=items))))
    return str(path)


def rows(output: str) -> dict[str, Any]:
    (other,) = json.loads(output)["others"]
    return {row["task"]: row for row in other["rows"]}


def test_a_file_of_measurements_is_compared_by_pairs(command: Command, home: Path, tmp_path: Path) -> None:
    """The first model is the reference; a loss that only pairs show is a loss, the rest is within noise."""
    file = document(tmp_path / "measured.json", *family(home))
    code, output, _ = command(file, "--json")
    found = rows(output)
    assert code == 0
    assert {task: row["verdict"] for task, row in found.items()} == {"boolq": "loss", "piqa": "within noise"}
    assert {row["difference"]["test"] for row in found.values()} == {"mcnemar"}
    assert found["boolq"]["difference"]["value"] == pytest.approx(-0.023)
    assert found["boolq"]["difference"]["low"] < -0.023 < found["boolq"]["difference"]["high"] < 0


def test_without_the_outcomes_the_test_is_unpaired_and_says_so(
    command: Command, home: Path, tmp_path: Path
) -> None:
    """A file from another machine has scores only: the table marks it and a note explains it."""
    base, quant = family(tmp_path / "elsewhere")
    code, output, _ = command(document(tmp_path / "a.json", base), document(tmp_path / "b.json", quant))
    assert code == 0
    assert output.count("within noise *") == 2
    assert "* unpaired, from scores and standard errors alone" in output
    assert "McNemar" not in output


def test_a_folder_its_base_and_its_sibling(command: Command, home: Path, tmp_path: Path) -> None:
    """A quant's folder holds its base's measurement: named by its repo or not at all, it is the reference."""
    base, quant = family(tmp_path / "store")
    folder = str(quant_folder(tmp_path / "q-mlx", tmp_path / "store", base, quant))
    alone, named = command(folder, "--json"), command(BASE.repo, folder, "--json")
    assert alone == named
    assert json.loads(alone[1])["reference"] == BASE.repo
    assert rows(alone[1])["boolq"]["verdict"] == "loss"
    both = json.loads(command(folder, document(tmp_path / "b.json", base), "--json")[1])
    assert (both["reference"], both["others"][0]["name"], both["others"][0]["losses"]) == (
        "q-mlx",
        base.name,
        0,
    )
    assert both["others"][0]["unpaired"] == 2


def test_the_table_fits_a_terminal_and_tells_everything(
    command: Command, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores, intervals, verdicts, perplexity, KL, totals and reasons, in no more than 100 columns."""
    base, quant = family(home)
    boolq, piqa = quant.tasks
    quant = replace(
        quant,
        tasks=(boolq, replace(piqa, version="2.0")),
        divergence=Divergence(
            base="b", mean=0.0123, stderr=0.001, median=0.005, p99=0.21, top1=0.953, tokens=9, dataset="d"
        ),
    )
    silent = {"answers": (0, 500), "correct": (250, 250), "value": 0.5, "n": 500}
    base, quant = (
        replace(m, tasks=(*m.tasks, replace(boolq, task="winogrande", **silent))) for m in (base, quant)
    )
    monkeypatch.setattr("bot.cli.show.Console", _narrow)
    _, output, _ = command(document(tmp_path / "m.json", base, quant))
    assert max(map(len, output.splitlines())) <= 100
    lines = {line.split()[0]: line for line in output.splitlines() if line}
    assert lines["boolq"].split()[-1] == "loss"
    assert lines["piqa"].endswith("not compared")
    assert lines["winogrande"].endswith("says nothing")
    assert "within noise" in lines["perplexity"]
    assert "0.0123" in lines["KL"] or "0.2100" in lines["KL"]
    assert "B against A: 0 gains, 1 loss, 0 within noise, 1 saying nothing and 1 not compared." in output
    assert "B is shown to be worse than A by more than 0.01 of mean accuracy." in output
    assert "B: winogrande says nothing: choice 2 is given in 100.0% of the answers" in output
    assert "B: not compared on piqa: task version 2.0 against 1.0" in output


def _narrow(**options: Any) -> Any:
    from rich.console import Console

    return Console(**{**options, "width": 100})


def test_one_task_alone_needs_no_correction(command: Command, home: Path, tmp_path: Path) -> None:
    """--task leaves the others out, and Holm has nothing to correct for."""
    file = document(tmp_path / "m.json", *family(home))
    (row,) = rows(command(file, "--task", "boolq", "--json")[1]).values()
    assert (row["task"], row["p"]) == ("boolq", row["difference"]["p"])


def test_the_margin_is_the_askers(command: Command, home: Path, tmp_path: Path) -> None:
    """With a wide margin the same quant is shown to be no worse, with a narrow one it is not."""
    file = document(tmp_path / "m.json", *family(home))
    verdicts = [
        json.loads(command(file, "--margin", margin, "--json")[1])["others"][0]["mean"]["non_inferiority"]
        for margin in ("0.1", "0.01")
    ]
    assert [found["verdict"] for found in verdicts] == ["non-inferior", "not shown"]


def test_quants_of_different_bases_are_told_apart(command: Command, home: Path, tmp_path: Path) -> None:
    """Tasks are compared; that perplexity counts tokens of another tokenizer, perhaps, is said."""
    base, quant = family(home)
    one, other = (quant_folder(tmp_path / name, home, base, quant) for name in ("a-mlx", "b-mlx"))
    manifest = json.loads((other / "qx_manifest.json").read_text())
    (other / "qx_manifest.json").write_text(json.dumps(manifest | {"base": "somebody/Else"}))
    _, output, _ = command(str(one), str(other))
    assert "B: another base than the reference's: perplexities" in output
    assert "another base" not in command(str(one), document(tmp_path / "m.json", quant))[1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["one.json"], 2, "there is only one measurement to read"),
        (["nothing.json", "one.json"], 4, "holds no measurement"),
        (["broken.json", "one.json"], 3, "is no file of `bot measure --json`"),
        (["empty", "one.json"], 4, "has no qx_manifest.json with a measurement"),
        (["bare-mlx", "one.json"], 4, "holds no measurement"),
        (["./missing.json", "one.json"], 4, "is not there"),
        (["what?", "one.json"], 2, "is no folder, no file and no repo"),
        (
            ["one.json", "two.json", "--task", "mmlu"],
            4,
            "there is no score of mmlu: the tasks are boolq, piqa",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_sentence(
    command: Command, home: Path, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    """Each mistake ends with its class's exit code and one sentence that names the way out."""
    base, quant = family(home)
    document(tmp_path / "one.json", base)
    document(tmp_path / "two.json", quant)
    document(tmp_path / "nothing.json")
    (tmp_path / "broken.json").write_text('{"items": 3')
    (tmp_path / "empty").mkdir()
    quant_folder(tmp_path / "bare-mlx", home, None, None)
    ended, output, error = command(*arguments)
    assert (ended, output) == (code, "")
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_measured_otherwise_nothing_is_compared(command: Command, home: Path, tmp_path: Path) -> None:
    """Other limits: every task is told with the reason, and there are no totals but that."""
    base, quant = family(home)
    other = replace(
        quant,
        tasks=tuple(replace(score, n=6) for score in quant.tasks),
        settings=replace(quant.settings, limit=6),
        perplexity=replace(BASE_MEASUREMENT.perplexity, samples=16) if BASE_MEASUREMENT.perplexity else None,
    )
    _, output, _ = command(document(tmp_path / "m.json", base, other))
    assert "0 gains, 0 losses, 0 within noise and 2 not compared" in output
    assert "B: not compared on boolq: the first 6 questions against all 1000 questions" in output
    assert "B: perplexity is not compared: measured on other text" in output
