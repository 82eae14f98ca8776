"""`bot quantize` and `bot recipes`: the real command line, on folders and against a loopback Hub."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.rehearsal.bases import BASES, bases_folder
from tests.flow.conftest import BASE, Bot
from tests.flow.test_bad_input import assert_one_sentence
from tests.models import config_of, tensors_in
from tests.recipes.fp8 import releases
from tests.recipes.fp8.test_from_fp8 import files_of

TINY = bases_folder() / "Tiny-Qwen3"


@pytest.mark.parametrize("base", [base.name for base in BASES])
def test_what_show_says_is_what_quantize_writes(base: str, bot: Bot, tmp_path: Path) -> None:
    """For each architecture: size to the byte, bits per weight, each tensor, each module's bits."""
    folder = str(bases_folder() / base)
    shown = bot.json("recipes", "show", "qx64-hi", "--model", folder)
    written = bot.json("quantize", folder, "--recipe", "qx64-hi", "--out", str(tmp_path / "out"))

    [quant] = written["quants"]
    out = Path(quant["path"])
    assert out == (tmp_path / "out" / f"{base}-qx64-hi-mlx").resolve()
    assert shown["bytes"] == quant["bytes"] == (out / "model.safetensors").stat().st_size
    assert shown["bits_per_weight"] == quant["bits_per_weight"]
    tensors = tensors_in(out)
    assert {t["name"]: tuple(t["shape"]) for t in shown["tensors"]} == {
        name: value.shape for name, value in tensors.items()
    }
    stated = config_of(out)["quantization"]
    packed = {m["path"]: m["bits"] for m in shown["modules"] if m["bits"] is not None}
    assert packed == {path: entry["bits"] for path, entry in stated.items() if isinstance(entry, dict)}


def test_a_repo_is_shown_without_downloading_it(bot: Bot, hub: LoopbackHub) -> None:
    """The same answer as for the folder, from small files and range requests."""
    local = bot.json("recipes", "show", "qx86-hi", "--model", str(TINY))
    before = len(hub.requests())
    remote = bot.json("recipes", "show", "qx86-hi", "--model", BASE)

    assert remote | {"model": ""} == local | {"model": ""}
    weights = [request for request in hub.requests()[before:] if request.path.endswith(".safetensors")]
    assert weights
    assert all(request.status == 206 for request in weights)


def test_all_recipes_are_made_in_one_go_and_found_again(bot: Bot, tmp_path: Path) -> None:
    """Several recipes, shards of a chosen size; asked again, nothing is written anew."""
    request = ["quantize", str(TINY), "--out", str(tmp_path), "--shard-size", "300kB"]
    request += [word for name in ("qx64-hi", "q6", "mxfp4", "bf16") for word in ("--recipe", name)]
    bot.json(*request)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob("Tiny-Qwen3-*-mlx/*")}
    assert len([path for path in files if path.name.startswith("model-0000")]) > 4
    assert len(bot.json(*request)["quants"]) == 4
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("Tiny-Qwen3-*-mlx/*")} == files


def test_two_that_use_mlx_take_turns(bot: Bot, tmp_path: Path) -> None:
    """While another process of this home has the turn, quantizing waits and says so; then it goes on."""
    (bot.home / "locks").mkdir(parents=True)
    with FileLock(bot.home / "locks" / "mlx.lock"):
        waiting = bot.start("quantize", str(TINY), "--recipe", "q4", "--out", str(tmp_path / "out"))
        assert waiting.stderr is not None
        assert "waits" in waiting.stderr.readline()
        assert not (tmp_path / "out").exists()
    assert waiting.communicate(timeout=120)
    assert waiting.returncode == 0
    assert (tmp_path / "out" / "Tiny-Qwen3-q4-mlx").is_dir()


def test_a_dry_run_says_the_sizes_and_writes_nothing(bot: Bot, tmp_path: Path) -> None:
    """What would be written stands there with its size, and the folder is not even made."""
    out = tmp_path / "out"
    planned = bot.json("quantize", str(TINY), "--recipe", "q8", "--out", str(out), "--dry-run")
    assert [quant["name"] for quant in planned["quants"]] == ["Tiny-Qwen3-q8-mlx"]
    assert planned["quants"][0]["bytes"] > 0
    assert not out.exists()


def test_what_sees_keeps_its_name_and_left_out_says_so(bot: Bot, tmp_path: Path) -> None:
    """A vision tower is kept; with --text-only it is not, and the folder's name tells."""
    folder = str(bases_folder() / "Tiny-Qwen3-VL-MoE")
    bot.json("quantize", folder, "--recipe", "q4", "--out", str(tmp_path))
    bot.json("quantize", folder, "--recipe", "q4", "--out", str(tmp_path), "--text-only")
    assert any("vision_tower" in name for name in tensors_in(tmp_path / "Tiny-Qwen3-VL-MoE-q4-mlx"))
    assert not any("vision" in name for name in tensors_in(tmp_path / "Tiny-Qwen3-VL-MoE-text-q4-mlx"))


def test_a_publisher_chooses_whether_a_quant_sees(bot: Bot) -> None:
    """By option or in the watchlist: the plan's names, sizes and word for the card follow."""
    request = ["publish", "rehearsal-bases/Tiny-Qwen3-VL-MoE", "--recipe", "q4", "--dry-run"]
    seeing = bot.json(*request)["plan"]
    blind = bot.json(*request, "--text-only")["plan"]
    bot.watchlist.write_text(bot.watchlist.read_text() + "text_only: true\n")
    assert bot.json(*request)["plan"] == blind
    assert (seeing["text_only"], blind["text_only"]) == (False, True)
    assert seeing["quants"][0]["repo"] == "tester/Tiny-Qwen3-VL-MoE-q4-mlx"
    assert blind["quants"][0]["repo"] == "tester/Tiny-Qwen3-VL-MoE-text-q4-mlx"
    assert blind["quants"][0]["predicted_bytes"] < seeing["quants"][0]["predicted_bytes"]


def test_fit_names_what_runs_and_a_line_to_paste(bot: Bot) -> None:
    """Best first; the line makes the best one; more context never needs less."""
    short = bot.json("recipes", "fit", BASE, "--memory", "16GB")
    long = bot.json("recipes", "fit", BASE, "--memory", "16GB", "--context", "32768")
    assert short["best"] == short["fits"][0]["recipe"]
    assert short["paste"] == f"bot publish {BASE} --recipe {short['best']}"
    widths = [fit["bits_per_weight"] for fit in short["fits"]]
    assert widths == sorted(widths, reverse=True)
    assert long["fits"][0]["needed"] > short["fits"][0]["needed"]
    assert short["working_set"]["source"]


def test_the_list_has_every_name_of_the_grammar(bot: Bot) -> None:
    """Families for people, every name with its hash for programs; no two the same."""
    listed = bot.json("recipes", "list")
    names = {recipe["name"]: recipe["hash"] for recipe in listed["recipes"]}
    assert {"qx86-hi", "qx54g-hi", "qx53gx", "q4-hi", "mxfp4", "mxfp8", "nvfp4", "bf16"} <= set(names)
    assert len(set(names.values())) == len(names)
    assert "qxHD[g|n][x][-hi]" in bot("recipes", "list").stdout


def test_a_recipe_taken_from_an_fp8_release_is_a_file_that_can_be_asked_for(
    bot: Bot, store: Store, tmp_path: Path
) -> None:
    """It is written beside the other recipes, shown by its name, and never over another's file."""
    store.create_repo("model", "someone/Base-FP8")
    store.commit("model", "someone/Base-FP8", files_of(releases.fbgemm()))
    request = [
        "recipes",
        "from-fp8",
        "someone/Base-FP8",
        "--like",
        "qx64-hi",
        "--out",
        str(tmp_path / "mine"),
    ]

    made = bot.json(*request)

    path = tmp_path / "mine" / "fp8-qx64-hi.yaml"
    assert (made["path"], path.read_text()) == (str(path), made["text"])
    assert "someone/Base-FP8@" in made["text"]
    shown = bot.json("recipes", "show", "fp8-qx64-hi", "--recipes", str(path.parent), "--model", BASE)
    bits = {module["path"]: module["bits"] for module in shown["modules"]}
    assert {bits[f"model.layers.{n}.self_attn.q_proj"] for n in range(5)} == {6}
    assert [bits[f"model.layers.{n}.mlp.up_proj"] for n in range(5)] == [6, 4, 4, 6, 4]
    path.write_text("# mine\n" + path.read_text())
    again = bot(*request)
    assert (again.returncode, "--force" in again.stderr) == (2, True)
    assert path.read_text().startswith("# mine")


BAD: list[tuple[list[str], int, str]] = [
    (["recipes", "show", "qx68-hi"], 2, "did you mean"),
    (["recipes", "show", "qx86-hi", "--model", "./none"], 4, "no folder here"),
    (["recipes", "show", "qx86-hi", "--model", "nobody/none"], 4, "nobody/none"),
    (["recipes", "fit", BASE, "--memory", "64"], 2, "--memory"),
    (["recipes", "fit", BASE, "--memory", "1GB"], 2, "no Mac's memory"),
    (["recipes", "from-fp8", BASE, "--like", "qx86-hi"], 6, "no FP8 release"),
    (["recipes", "from-fp8", BASE, "--like", "q8"], 2, "--like qx86-hi"),
    (["recipes", "tune", "./none", "--like", "qx64-hi"], 4, "no folder"),
    (["recipes", "tune", str(TINY), "--like", "qx64-hi", "--budget", "much"], 2, "budget"),
    (["quantize", "./none", "--recipe", "q8", "--out", "o"], 4, "no folder"),
    (["quantize", ".", "--recipe", "q8", "--out", "o"], 6, "config.json"),
    (["quantize", str(TINY), "--recipe", "q7", "--out", "o"], 2, "did you mean"),
    (["quantize", str(TINY), "--recipe", "q8", "--out", "o", "--shard-size", "5"], 2, "--shard-size"),
    (["quantize", str(TINY), "--recipe", "q8", "--out", "o", "--name", "../up"], 2, "no name"),
]


@pytest.mark.parametrize(("words", "code", "says"), BAD, ids=[" ".join(words[:3]) for words, *_ in BAD])
def test_a_mistake_gets_one_sentence_and_its_exit_code(
    words: list[str], code: int, says: str, bot: Bot
) -> None:
    """What is wrong, where, and what to do; nothing is left behind."""
    done = bot(*words)
    assert done.returncode == code, done.stderr
    assert_one_sentence(done.stderr)
    assert says in done.stderr
    assert not (bot.watchlist.parent / "o").exists()
