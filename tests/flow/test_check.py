"""`bot check` against a loopback Hub: quants as they should be, damaged ones, other people's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot import safetensors
from bot.check.place import LARGEST_SMALL
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.recipes.names import parse
from bot.records import Manifest
from bot.rehearsal.bases import base_files
from tests.flow.conftest import BASE, Bot
from tests.flow.test_bad_input import assert_one_sentence
from tests.models import snapshot_of
from tests.quantize.conftest import made

SIGHTED = "rehearsal-bases/Tiny-Qwen3-VL-MoE"
QUANT = "anybody/Tiny-Qwen3-qx64-hi-mlx"
CARD = f"---\nlicense: mit\nbase_model: {BASE}\ntags:\n- mlx\n---\n# A quant\n"

RESULTS = {
    ".eval_results/hellaswag.yaml": b"- dataset: {id: Rowan/hellaswag, task_id: hellaswag}\n  value: 0.5\n",
    "measurements/hellaswag.outcomes.gz": b"\x1f\x8b",
}
"""What a measured quant holds besides."""

Files = dict[str, bytes]
Spoil = Callable[[Files], Files]
Quants = Callable[[str], Files]


@pytest.fixture(scope="module")
def quants(tmp_path_factory: pytest.TempPathFactory) -> Quants:
    """The files of a base's qx64-hi as the quantizer writes them, with a card."""
    known: dict[str, Files] = {}

    def of(base: str) -> Files:
        if base not in known:
            folder = next(iter(base_files(base.split("/")[1]).values())).parent
            out = tmp_path_factory.mktemp("quants")
            quant = made(snapshot_of(folder, base), out, "qx64-hi")["qx64-hi"]
            known[base] = {path.name: path.read_bytes() for path in Path(quant.path).iterdir()}
            known[base]["README.md"] = CARD.replace(BASE, base).encode()
        return dict(known[base])

    return of


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, seeded: Path) -> Iterator[LoopbackHub]:
    """One Hub for all tests here: each puts its own repos there and none changes a base."""
    root = tmp_path_factory.mktemp("check") / "hub"
    shutil.copytree(seeded, root)
    with LoopbackHub.start(root) as running:
        yield running


def put(store: Store, repo: str, files: Files) -> None:
    """A repo that holds just these files."""
    if store.exists("model", repo):
        store.delete_repo("model", repo)
    store.create_repo("model", repo)
    store.commit("model", repo, files)


def edited(files: Files, name: str, change: Callable[[dict[str, Any]], object]) -> Files:
    content = json.loads(files[name])
    change(content)
    return files | {name: json.dumps(content).encode()}


def without(files: Files, *names: str) -> Files:
    return {name: content for name, content in files.items() if name not in names}


def checked(bot: Bot, quant: str, base: str = BASE, *more: str) -> tuple[int, Any]:
    """The exit code and what `--json` prints."""
    done = bot("check", quant, "--against", base, "--json", *more)
    assert done.returncode in (0, 10), done.stderr
    return done.returncode, json.loads(done.stdout)


def kinds(findings: list[dict[str, str]]) -> set[str]:
    return {finding["kind"] for finding in findings}


# ------------------------------------------------------------------ what conforms


def test_a_quant_as_it_should_be_conforms_and_no_weight_is_read(
    bot: Bot, store: Store, hub: LoopbackHub, quants: Quants, tmp_path: Path
) -> None:
    """Two repos are compared by files no larger than a tokenizer and one range of each file of weights."""
    huge = tmp_path / "calibration.json"
    with huge.open("wb") as file:
        file.truncate(LARGEST_SMALL + 1)
    put(store, QUANT, quants(BASE) | RESULTS)
    store.commit("model", QUANT, {"calibration.json": huge})
    hub.forget_requests()

    code, verdict = checked(bot, QUANT)

    assert (code, verdict["ok"]) == (0, True), verdict
    assert (verdict["violations"], verdict["remarks"], verdict["not_checked"]) == ([], [], [])
    assert (verdict["recipe"], verdict["recipe_source"]) == ("qx64-hi", "name")
    assert verdict["bits_per_weight"] == verdict["expected_bits_per_weight"]
    reads = Counter((request.path, request.status) for request in hub.requests() if request.method == "GET")
    assert set(reads.values()) == {1}
    files = [(path.rpartition("/")[2], status) for path, status in reads]
    assert [status for file, status in files if file == "model.safetensors"] == [206, 206]
    assert not {"calibration.json", *(path.rpartition("/")[2] for path in RESULTS)} & dict(files).keys()


def test_folders_and_revisions_are_taken_too(bot: Bot, store: Store, quants: Quants, tmp_path: Path) -> None:
    """Either side may be a folder; a revision is checked as it was; the terminal says it in a few lines."""
    folder = tmp_path / "Tiny-Qwen3-qx64-hi-mlx"
    folder.mkdir()
    for name, content in (quants(BASE) | RESULTS).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    put(store, QUANT, quants(BASE))
    store.create_ref("model", QUANT, "good", "main", tag=True)
    store.commit("model", QUANT, {"modeling.py": b"print()"})

    assert checked(bot, str(folder))[0] == 0
    assert checked(bot, f"{QUANT}@good")[0] == 0
    done = bot("check", QUANT, "--against", str(next(iter(base_files("Tiny-Qwen3").values())).parent))

    assert done.returncode == 10
    assert_one_sentence(done.stderr)
    assert f"{QUANT} against Tiny-Qwen3" in done.stdout
    assert "modeling.py" in done.stdout
    assert "the base is a folder" in done.stdout
    assert len(done.stdout.splitlines()) < 12


def test_a_manifest_names_the_recipe(bot: Bot, store: Store, quants: Quants) -> None:
    """The bot's own quants say themselves by which recipe and of which revision they were made."""
    recipe = parse("qx64-hi")
    manifest = Manifest(
        repo="us/Small", base=BASE, base_sha="0" * 40, recipe=recipe.name, recipe_hash=recipe.hash
    )
    put(store, "us/Small", quants(BASE) | {"qx_manifest.json": msgspec.json.encode(manifest)})

    code, verdict = checked(bot, "us/Small")

    assert code == 0, verdict
    assert (verdict["recipe"], verdict["recipe_source"]) == ("qx64-hi", "manifest")
    assert kinds(verdict["remarks"]) == {"revision", "name"}


def test_what_mlx_lm_converts_conforms(bot: Bot, store: Store, hub: LoopbackHub, tmp_path: Path) -> None:
    """Somebody's uniform 4-bit quant is held against its own config: no recipe is claimed."""
    folder = tmp_path / "theirs"
    command = [sys.executable, "-m", "mlx_lm", "convert", "--hf-path", BASE, "-q", "--mlx-path", str(folder)]
    environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf")}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=240)
    put(store, "people/Tiny-Qwen3-4bit", {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()})

    code, verdict = checked(bot, "people/Tiny-Qwen3-4bit")

    assert (code, verdict["violations"]) == (0, [])
    assert (verdict["recipe"], verdict["recipe_source"]) == (None, "none")
    assert 4.4 < verdict["bits_per_weight"] < 4.7
    assert verdict["expected_bits_per_weight"] is None
    assert kinds(verdict["remarks"]) == {"license", "name"}
    assert any("recipe" in reason for reason in verdict["not_checked"])


# ------------------------------------------------------------------ what does not


def stale_shard(files: Files) -> Files:
    header = safetensors.header_bytes({"norm": safetensors.Tensor(dtype="U8", shape=(2,))})
    return files | {"model-00002-of-00002.safetensors": header + b"ab"}


def truncated(files: Files) -> Files:
    return files | {"model.safetensors": files["model.safetensors"][:-1000]}


def another_width_stated(files: Files) -> Files:
    def change(config: dict[str, Any]) -> None:
        for key in ("quantization", "quantization_config"):
            config[key]["model.layers.1.mlp.up_proj"]["bits"] = 5
        config["rope_theta"] = 5

    return edited(files, "config.json", change)


def another_tokenizer(files: Files) -> Files:
    def swap(tokenizer: dict[str, Any]) -> None:
        vocabulary = tokenizer["model"]["vocab"]
        one, other = list(vocabulary)[40:42]
        vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]

    files = edited(files, "tokenizer.json", swap)
    return files | {"chat_template.jinja": files["chat_template.jinja"].replace(b"user", b"User", 1) + b" "}


def another_end(files: Files) -> Files:
    files = edited(files, "generation_config.json", lambda config: config.update(eos_token_id=[3]))
    return without(files, "LICENSE") | {"README.md": b"no metadata"}


DAMAGES: list[tuple[tuple[Spoil, ...], set[str]]] = [
    ((stale_shard,), {"stale", "extra"}),
    ((truncated,), {"corrupt"}),
    (
        (another_width_stated, another_tokenizer, another_end),
        {"config", "changed", "tokens", "template", "end_tokens", "license"},
    ),
]


@pytest.mark.parametrize(("spoils", "wrong"), DAMAGES)
def test_a_damaged_quant_does_not_conform(
    bot: Bot, store: Store, quants: Quants, spoils: tuple[Spoil, ...], wrong: set[str]
) -> None:
    """Each damage ends with 10 and is found as what it is, beside others too."""
    files = quants(BASE)
    for spoil in spoils:
        files = spoil(files)
    put(store, QUANT, files)

    code, verdict = checked(bot, QUANT)

    assert (code, verdict["ok"]) == (10, False)
    assert kinds(verdict["violations"]) == wrong, verdict


def test_a_quant_of_another_recipe_is_told_apart(bot: Bot, store: Store, quants: Quants) -> None:
    """Held against a recipe that it was not made by, it has other bits; the terminal folds what is alike."""
    put(store, QUANT, quants(BASE))

    done = bot("check", QUANT, "--against", BASE, "--recipe", "q6-hi")

    assert done.returncode == 10
    lines = done.stdout.splitlines()
    assert lines[1].startswith("q6-hi (as asked); 5.98 bits per weight; the recipe gives 7.02")
    assert [line.split()[0] for line in lines if line.strip() and line.startswith("  ")] == ["bits", "recipe"]
    assert "(and 26 more like it)" in done.stdout
    assert "28 things are wrong" in done.stderr


def test_a_quant_that_lost_its_sight_is_found(bot: Bot, store: Store, quants: Quants) -> None:
    """A config that speaks of vision beside tensors that cannot see is one finding; text only may be."""
    files = quants(SIGHTED)
    tensors, sees = _tensors(files), "vision_tower."
    blind = {name: tensor for name, tensor in tensors.items() if not name.startswith(sees)}
    assert len(blind) < len(tensors)
    weights = safetensors.header_bytes(blind) + bytes(sum(tensor.nbytes for tensor in blind.values()))
    index = json.dumps({"weight_map": dict.fromkeys(blind, "model.safetensors")}).encode()
    files |= {"model.safetensors": weights, "model.safetensors.index.json": index}
    put(store, "anybody/Blind-qx64-hi-mlx", files)
    put(
        store,
        "anybody/Blind-text-qx64-hi-mlx",
        edited(files, "config.json", lambda c: c.pop("vision_config")),
    )
    put(store, "anybody/Sees-qx64-hi-mlx", quants(SIGHTED))

    assert checked(bot, "anybody/Sees-qx64-hi-mlx", SIGHTED)[0] == 0
    code, verdict = checked(bot, "anybody/Blind-qx64-hi-mlx", SIGHTED)
    assert (code, kinds(verdict["violations"])) == (10, {"senses"})
    code, verdict = checked(bot, "anybody/Blind-text-qx64-hi-mlx", SIGHTED)
    assert (code, verdict["violations"]) == (0, [])


def _tensors(files: Files) -> dict[str, safetensors.Tensor]:
    data = files["model.safetensors"]
    length = int.from_bytes(data[:8], "little")
    return safetensors.parse_header(data[8 : 8 + length], len(data) - 8 - length)


# ------------------------------------------------------------------ what cannot be checked


def gguf(files: Files) -> Files:
    return {"config.json": files["config.json"], "model.gguf": b"GGUF"}


def packed_by_others(files: Files) -> Files:
    def change(config: dict[str, Any]) -> None:
        del config["quantization"]
        config["quantization_config"] = {"quant_method": "gptq", "bits": 4}

    return edited(files, "config.json", change)


def a_base(files: Files) -> Files:
    return {path: file.read_bytes() for path, file in base_files("Tiny-Qwen3").items()}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (gguf, "holds no model*.safetensors"),
        (packed_by_others, "'gptq': it is no MLX quant"),
        (a_base, "is no MLX quant"),
        (lambda files: without(files, "config.json"), "has no config.json"),
        (lambda files: files | {"config.json": b"{"}, "config.json is no valid JSON"),
        (lambda files: edited(files, "config.json", lambda c: c.update(model_type="llama")), "'llama'"),
    ],
)  # fmt: skip
def test_what_is_no_quant_of_the_base_is_said_in_a_sentence(
    bot: Bot, store: Store, quants: Quants, spoil: Spoil, says: str
) -> None:
    """No MLX quant, no model, another architecture: exit code 6 and why."""
    put(store, "anybody/Strange", spoil(quants(BASE)))

    done = bot("check", "anybody/Strange", "--against", BASE)

    assert done.returncode == 6, done.stderr
    assert_one_sentence(done.stderr)
    assert says in done.stderr


@pytest.mark.parametrize(
    ("quant", "base", "code", "says"),
    [
        (QUANT, "nobody/Nothing", 4, "nobody/Nothing"),
        (QUANT, f"{BASE}@nowhere", 4, "no such revision"),
        ("./nothing", BASE, 4, "./nothing is no folder"),
        ("nothing", BASE, 2, "owner/name"),
        (QUANT, "gated/Base", 5, "gated/Base is gated"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_a_sentence(
    bot: Bot, store: Store, quants: Quants, quant: str, base: str, code: int, says: str
) -> None:
    """Missing, gated, misspelt: each with the exit code of its class."""
    put(store, QUANT, quants(BASE))
    put(store, "gated/Base", a_base({}))
    store.set_gated("model", "gated/Base", "manual")

    done = bot("check", quant, "--against", base)

    assert done.returncode == code, done.stderr
    assert_one_sentence(done.stderr)
    assert says in done.stderr
