"""A family of quants from one base: `bot quantize` once, `mlx_lm.convert` once per recipe, side by side.

    uv run python benchmarks/quantize.py [--gb 1.2] [--kind dense] [--kind moe]
    uv run python benchmarks/quantize.py --growth

Both read the same local base of random weights, made first, in a temporary folder, and so in the page cache
for both. Wall time is that of whole processes. Peak memory is the largest resident set of any of them, above
that of a process that imports the tool and loads the base's tokenizer; bytes read are what the kernel
counted for all of them, those of the imports again taken off.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

RECIPES = ("qx86-hi", "qx64-hi", "q6-hi", "q8-hi", "mxfp4", "qx54-hi")
KINDS = ("dense", "moe")
SIZES = (0.3, 0.6, 1.2, 2.4)
CONFIGS: dict[str, dict[str, Any]] = {
    "dense": {
        "model_type": "qwen3", "hidden_size": 2048, "intermediate_size": 5632, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 128,
    },
    "moe": {
        "model_type": "qwen3_moe", "hidden_size": 1024, "intermediate_size": 3072,
        "moe_intermediate_size": 768, "num_experts": 32, "num_experts_per_tok": 4, "norm_topk_prob": True,
        "decoder_sparse_step": 1, "mlp_only_layers": [], "num_attention_heads": 16,
        "num_key_value_heads": 4, "head_dim": 64,
    },
}  # fmt: skip
COMMON: dict[str, Any] = {
    "vocab_size": 16384, "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}  # fmt: skip
CONFIGS["wide"] = CONFIGS["moe"] | {"moe_intermediate_size": 3072}
"""Its largest tensor, 32 experts together, has 201 MB."""

LAYER_BYTES = {"dense": 94.4e6, "moe": 156.3e6, "wide": 608.7e6}
"""Of one layer in bfloat16; embeddings and head take some 100 MB more."""


class Cost(NamedTuple):
    """Of one or more processes: seconds, bytes read, and the largest resident set in bytes."""

    seconds: float
    read: int
    peak: int


# ------------------------------------------------------------------ the base


def make_base(folder: Path, kind: str, gigabytes: float) -> int:
    """A base of about that size, as it would lie on the Hub; its bytes of weights."""
    layers = max(1, round((gigabytes * 1e9 - 0.1e9) / LAYER_BYTES[kind]))
    config = COMMON | CONFIGS[kind] | {"num_hidden_layers": layers}
    subprocess.run([sys.executable, __file__, "--write-base", str(folder), json.dumps(config)], check=True)
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def write_base(folder: Path, config: dict[str, Any]) -> None:
    """Random weights under the names of transformers, one file a layer, and a tokenizer."""
    import mlx.core as mx
    from mlx.utils import tree_flatten

    from bot.recipes.architecture import build
    from bot.rehearsal.bases import base_files

    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    for name, path in base_files("Tiny-Qwen3").items():
        if name.startswith(("tokenizer", "chat_template", "LICENSE", "generation_config")):
            shutil.copy(path, folder / name)
    shards: dict[str, dict[str, Any]] = {}
    for name, value in tree_flatten(build(config, "bench").parameters()):
        layer = name.split(".")[2] if name.startswith("model.layers.") else "x"
        for upstream, shape in _upstream(name, value.shape):
            shards.setdefault(layer, {})[upstream] = shape
    for number, (_, tensors) in enumerate(shards.items()):
        arrays = {
            name: (mx.random.normal(shape) * 0.02).astype(mx.bfloat16) for name, shape in tensors.items()
        }
        mx.save_safetensors(str(folder / f"model-{number + 1:05d}-of-{len(shards):05d}.safetensors"), arrays)


def _upstream(name: str, shape: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
    """A stack of experts is one tensor for each on the Hub."""
    if ".switch_mlp." not in name:
        return [(name, shape)]
    return [(name.replace("switch_mlp", f"experts.{i}"), shape[1:]) for i in range(shape[0])]


# ------------------------------------------------------------------ the two ways


def measured(command: list[str]) -> Cost:
    """Run it; what it and all its children took."""
    before, started = _read_so_far(), time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{said}")
    seconds = time.monotonic() - started
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, _read_so_far() - before, usage.ru_maxrss * unit)


def _read_so_far() -> int:
    """Bytes that this process and its ended children read, by the kernel's count (0 on a Mac)."""
    path = Path("/proc/self/io")
    return int(path.read_text().split()[1]) if path.exists() else 0


def ours(base: Path, out: Path, recipes: tuple[str, ...]) -> Cost:
    words = [word for name in recipes for word in ("--recipe", name)]
    command = [sys.executable, "-m", "bot", "quantize", str(base), *words, "--out", str(out), "--json"]
    return measured(command)


def theirs(base: Path, out: Path, recipes: tuple[str, ...]) -> Cost:
    """`mlx_lm.convert` in a process of its own for each recipe, as people run it."""
    costs = [
        measured([sys.executable, __file__, "--convert", str(base), str(out / name), name])
        for name in recipes
    ]
    return Cost(sum(c.seconds for c in costs), sum(c.read for c in costs), max(c.peak for c in costs))


def convert(base: str, out: str, recipe: str) -> None:
    """`mlx_lm.convert` with the recipe's decisions as predicate."""
    from mlx_lm import convert as mlx_lm_convert

    from bot.recipes.layout import in_config
    from bot.recipes.names import parse
    from bot.recipes.recipe import decide, layer_of

    said = parse(recipe)
    n_layers = json.loads((Path(base) / "config.json").read_text())["num_hidden_layers"]

    def predicate(path: str, module: Any) -> dict[str, Any] | bool:
        # every layer of these bases has attention, so a period needs no placing
        given = decide(said, path, layer_of(path), n_layers, module.weight.shape[-1])
        return in_config(given) if given else False

    Path(out).parent.mkdir(parents=True, exist_ok=True)
    mlx_lm_convert(base, out, quantize=True, q_group_size=32, quant_predicate=predicate)


def imports(of: str, base: Path) -> Cost:
    """What importing the tool, and loading the base's tokenizer, takes alone."""
    words = f"import {of}, mlx_lm.utils, pathlib; mlx_lm.utils.load_tokenizer(pathlib.Path({str(base)!r}))"
    return measured([sys.executable, "-c", words])


# ------------------------------------------------------------------ the floor


def phases(base: Path, out: Path, recipes: tuple[str, ...]) -> dict[str, float]:
    """Seconds of our child's parts: reading and casting, packing, writing (with its sha256), all together."""
    done = subprocess.run(
        [sys.executable, __file__, "--phases", str(base), str(out), *recipes],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def timed_phases(base: Path, out: Path, recipes: list[str]) -> dict[str, float]:
    """In this process, with clocks around the three."""
    from bot.blas import load_openblas

    load_openblas()
    from bot.fetch.local import local_snapshot
    from bot.quantize import QuantizeRequest, family, shards, source
    from bot.recipes.names import parse

    spent: dict[str, float] = {"read": 0.0, "pack": 0.0, "write": 0.0}

    def clocked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            started = time.monotonic()
            try:
                return function(*given, **named)
            finally:
                spent[name] += time.monotonic() - started

        return run

    source.Taken.form = clocked("read", source.Taken.form)  # type: ignore[method-assign]
    shards.Shards.append = clocked("write", shards.Shards.append)  # type: ignore[method-assign]
    family.pack = clocked("pack", family.pack)  # type: ignore[attr-defined]
    request = QuantizeRequest(
        snapshot=local_snapshot(base), recipes=tuple(map(parse, recipes)), out=str(out), names=tuple(recipes)
    )
    started = time.monotonic()
    family.quantize(request, lambda _: None)
    return spent | {"all": time.monotonic() - started}


def floor(base: Path, out: Path, spent: dict[str, float]) -> float:
    """Seconds to read the base once and write the quants once, plainly, and to pack as often as is needed."""
    started = time.monotonic()
    for path in base.glob("*.safetensors"):
        with path.open("rb") as file:
            while file.read(16 << 20):
                pass
    block = bytes(16 << 20)
    with (out / "plain").open("wb") as file:
        for _ in range(sum(path.stat().st_size for path in out.rglob("*.safetensors")) // len(block)):
            file.write(block)
    seconds = time.monotonic() - started
    (out / "plain").unlink()
    return seconds + spent["pack"]


# ------------------------------------------------------------------ what is printed


def compare(kind: str, gigabytes: float, work: Path) -> None:
    """Both ways on one base, with mxfp4 and without; one table."""
    base = work / f"{kind}-base"
    weights = make_base(base, kind, gigabytes)
    alone = {"ours": imports("bot.quantize.family", base), "theirs": imports("mlx_lm.convert", base)}
    print(f"\n{kind}, {weights / 1e9:.2f} GB of bfloat16\n")
    print("| recipes | | seconds | bytes read / base | peak above imports |\n|:--|:--|--:|--:|--:|")
    for recipes in (RECIPES, tuple(name for name in RECIPES if name != "mxfp4")):
        costs: dict[str, Cost] = {}
        for name, way in (("theirs", theirs), ("ours", ours)):
            with tempfile.TemporaryDirectory(dir=work) as out:
                costs[name] = way(base, Path(out) / "out", recipes)
        _print_costs(recipes, costs, alone, weights)
    with tempfile.TemporaryDirectory(dir=work) as out:
        spent = phases(base, Path(out), RECIPES)
        least = floor(base, Path(out), spent)
    print(
        f"\nOur child with all six: reading {spent['read']:.1f} s, packing {spent['pack']:.1f} s, beside it "
        f"writing and hashing {spent['write']:.1f} s, {spent['all']:.1f} s in all. Floor (read once, pack, "
        f"write once, one after the other): {least:.1f} s."
    )


def _print_costs(
    recipes: tuple[str, ...], costs: dict[str, Cost], alone: dict[str, Cost], weights: int
) -> None:
    what = f"{len(recipes)}" + ("" if "mxfp4" in recipes else " without mxfp4")
    starts = {"theirs": len(recipes), "ours": 1}
    labels = {"theirs": "mlx_lm.convert", "ours": "bot quantize"}
    figures = {
        name: (
            cost.seconds,
            (cost.read - starts[name] * alone[name].read) / weights,
            cost.peak - alone[name].peak,
        )
        for name, cost in costs.items()
    }
    for name, (seconds, read, peak) in figures.items():
        print(f"| {what} | {labels[name]} | {seconds:.1f} | {read:.2f} | {peak / 1e6:.0f} MB |")
    ratios = [a / b for a, b in zip(figures["theirs"], figures["ours"], strict=True)]
    print(f"| {what} | ratio | {ratios[0]:.1f} | {ratios[1]:.1f} | {ratios[2]:.1f} |", flush=True)


def growth(kind: str, work: Path) -> None:
    """Time and memory of `bot quantize` on bases of several sizes."""
    print(f"\n{kind}\n\n| base | seconds | seconds a GB | peak resident |\n|--:|--:|--:|--:|")
    for size in (4.0,) if kind == "wide" else SIZES:
        base = work / f"{kind}-{size}"
        weights = make_base(base, kind, size)
        with tempfile.TemporaryDirectory(dir=work) as out:
            cost = ours(base, Path(out) / "out", RECIPES)
        shutil.rmtree(base)
        print(
            f"| {weights / 1e9:.2f} GB | {cost.seconds:.1f} | {cost.seconds / weights * 1e9:.1f} "
            f"| {cost.peak / 1e6:.0f} MB |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--gb", type=float, default=1.2, help="size of the base")
    parser.add_argument("--kind", action="append", choices=tuple(CONFIGS))
    parser.add_argument("--growth", action="store_true", help="only the growth over sizes")
    for inner, words in (("--write-base", 2), ("--convert", 3), ("--phases", "+")):
        parser.add_argument(inner, nargs=words, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write_base:
        write_base(Path(given.write_base[0]), json.loads(given.write_base[1]))
    elif given.convert:
        convert(*given.convert)
    elif given.phases:
        print(json.dumps(timed_phases(Path(given.phases[0]), Path(given.phases[1]), given.phases[2:])))
    else:
        with tempfile.TemporaryDirectory() as work:
            for kind in given.kind or ((*KINDS, "wide") if given.growth else KINDS):
                (growth if given.growth else lambda k, w: compare(k, given.gb, w))(kind, Path(work))


if __name__ == "__main__":
    main()
