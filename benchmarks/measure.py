"""Measuring a model: mlx_lm.evaluate and mlx_lm.perplexity against the engine, side by side.

    uv run python benchmarks/measure.py                  everything; on two cores over an hour
    uv run python benchmarks/measure.py --quick          fewer questions: a first look
    uv run python benchmarks/measure.py --perplexity     of that the perplexity alone
    uv run python benchmarks/measure.py --growth         time by number of questions and by size of the model
    uv run python benchmarks/measure.py --beyond-memory  a base larger than the memory of its process

A model of random weights (at least 80M parameters, 32k words), dense and with experts, in bfloat16, 4 and 8
bits. Both sides answer the same questions of the stand-in tasks from the same folder, in one process each, a
pair of them after the other, with OpenBLAS in both and then without it in both (on Linux; on a Mac there is
one round, and the command is the same). Seconds are those of answering, loading and imports left out on both
sides; the engine's include its probe. mlx_lm answers one choice at a time, so its time grows with their
number: it gets `--theirs` questions a task, and its seconds are taken for the same number as ours.

The floor is the time that the matrix products of the tokens that have to be computed take at the rate which
one large float32 product reaches in the same process.
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TASKS = ("arc_challenge", "arc_easy", "boolq", "hellaswag", "openbookqa", "piqa", "winogrande")
COMMON: dict[str, Any] = {
    "vocab_size": 32768, "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
    "tie_word_embeddings": True, "torch_dtype": "bfloat16", "head_dim": 64,
}  # fmt: skip
CONFIGS: dict[str, dict[str, Any]] = {
    "dense": COMMON | {
        "model_type": "qwen3", "hidden_size": 768, "intermediate_size": 2304, "num_attention_heads": 12,
        "num_key_value_heads": 4, "num_hidden_layers": 9,
    },
    "experts": COMMON | {
        "model_type": "qwen3_moe", "hidden_size": 512, "intermediate_size": 1536,
        "moe_intermediate_size": 256, "num_experts": 32, "num_experts_per_tok": 4, "norm_topk_prob": True,
        "decoder_sparse_step": 1, "mlp_only_layers": [], "num_attention_heads": 8,
        "num_key_value_heads": 4, "num_hidden_layers": 6,
    },
}  # fmt: skip
STORED = {"bf16": None, "4-bit": 4, "8-bit": 8}
PERPLEXITY = (16, 512)
"""Samples and their tokens."""

EXPECTED = {
    ("dense", "4-bit"): 30, ("dense", "8-bit"): 30, ("dense", "bf16"): 10,
    ("experts", "4-bit"): 15, ("experts", "8-bit"): 15,
}  # fmt: skip
"""How many times faster, with OpenBLAS."""


# ------------------------------------------------------------------ the child: one side, one model


def child(request: dict[str, Any]) -> dict[str, Any]:
    """What one side needs for its questions: seconds, tokens, peak resident bytes."""
    if request.get("limit_bytes"):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (request["limit_bytes"],) * 2)
    from bot import blas

    blas.load_openblas()
    ways: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "make": _make, "theirs": _theirs, "ours": _ours, "their perplexity": _their_perplexity,
        "our perplexity": _our_perplexity,
    }  # fmt: skip
    return ways[request["do"]](request)


def _make(request: dict[str, Any]) -> dict[str, Any]:
    """A folder of random weights, quantized where asked."""
    import mlx.core as mx
    import mlx.nn as nn
    from mlx.utils import tree_flatten
    from mlx_lm.utils import save_model

    from bot.recipes.architecture import build
    from bot.rehearsal.bases import base_files

    folder = Path(request["folder"])
    folder.mkdir(parents=True)
    for name, path in base_files("Tiny-Qwen3").items():
        if name.startswith(("tokenizer", "chat_template", "generation_config")):
            shutil.copy(path, folder / name)
    config = dict(request["config"])
    mx.random.seed(3)
    model = build(config, "bench")
    model.set_dtype(mx.bfloat16)
    if request["bits"]:
        config["quantization"] = {"group_size": 64, "bits": request["bits"]}
        nn.quantize(model, **config["quantization"])
    (folder / "config.json").write_text(json.dumps(config))
    save_model(folder, model)
    return {"parameters": sum(v.size for _, v in tree_flatten(build(config, "bench").parameters()))}


def _requests(tokenizer_of: Any, limit: int) -> list[Any]:
    """The requests of all tasks, as lm-eval gives them to an LM."""
    from bot.measure.definitions import TaskBook

    book = TaskBook(TASKS)
    asked = []
    for name in TASKS:
        task = book.load(name).task
        task.build_all_requests(
            limit=limit,
            apply_chat_template=True,
            chat_template=tokenizer_of.apply_chat_template,
            tokenizer_name="",
        )
        asked += task.instances
    return asked


def _timed(answer: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = answer()
    return time.perf_counter() - started, found


def _theirs(request: dict[str, Any]) -> dict[str, Any]:
    from mlx_lm.evaluate import MLXLM

    lm = MLXLM(request["folder"])
    asked = _requests(lm, request["limit"])
    try:
        seconds, _ = _timed(lambda: lm.loglikelihood(asked))
    except RuntimeError as error:
        return {"refused": str(error).split("\n")[0][:100]}
    return {"seconds": seconds, "requests": len(asked), **_peak()}


def _ours(request: dict[str, Any]) -> dict[str, Any]:
    from bot.measure.engine.lines import batches
    from bot.measure.engine.scorer import open_folder
    from bot.measure.likelihood import make_lm

    folder = Path(request["folder"])
    opening, scorer = _timed(lambda: open_folder(folder))
    lm = make_lm(scorer, folder, chat_template=True)
    asked = _requests(lm, request["limit"])
    seconds, _ = _timed(lambda: lm.loglikelihood(asked))
    lines = list(dict.fromkeys(line for line in lm.lines([each.args for each in asked]) if line))
    made = batches(lines, scorer.limits)
    return {
        "seconds": opening + seconds,
        "requests": len(asked),
        "tokens": sum(len(line.tokens) for line in lines),
        "computed": sum(batch.computed for batch in made),
        "features": sum(batch.features for batch in made),
        "passes": len(scorer.passes(made)),
        "why": scorer.computation.why,
        **_rate(),
        **_peak(),
    }


def _text() -> Any:
    import numpy as np

    return np.random.RandomState(5).randint(0, 250, PERPLEXITY)


def _their_perplexity(request: dict[str, Any]) -> dict[str, Any]:
    import mlx.core as mx
    import mlx_lm
    from mlx_lm.perplexity import eval_ppl

    model, _ = mlx_lm.load(request["folder"])
    rows = mx.array(_text()[: request["limit"]])
    try:
        seconds, (value, _) = _timed(lambda: eval_ppl(model, rows))
    except RuntimeError as error:
        return {"refused": str(error).split("\n")[0][:100]}
    return {"seconds": seconds * PERPLEXITY[0] / len(rows), "value": value, **_peak()}


def _our_perplexity(request: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    from bot.measure import perplexity
    from bot.measure.engine.scorer import open_folder
    from bot.measure.kept import Kept
    from bot.records import MeasureSettings

    text = perplexity.Text(_text(), np.zeros(PERPLEXITY, int) + np.arange(PERPLEXITY[0])[:, None])

    def answer() -> perplexity.Measured:
        scorer = open_folder(Path(request["folder"]))
        return perplexity.measure(scorer, None, text, MeasureSettings(), name="bench", kept=Kept(None, ""))

    seconds, found = _timed(answer)
    return {"seconds": seconds, "value": found.perplexity.value, **_peak()}


def _rate() -> dict[str, float]:
    """Floating point operations a second of one large float32 product, here and now."""
    import mlx.core as mx

    x = mx.random.normal((2048, 2048))
    mx.eval(x @ x)
    seconds = min(_timed(lambda: mx.eval(x @ x))[0] for _ in range(3))
    return {"flops": 2 * 2048**3 / seconds}


def _peak() -> dict[str, int]:
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}


# ------------------------------------------------------------------ the parent


class Bench:
    """The models, the Hub of the questions, and children that answer."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment

    def model(self, kind: str, stored: str, layers: int | None = None) -> str:
        """The folder of such a model, made once."""
        path = self._folder / f"{kind}-{stored}-{layers or ''}"
        if not path.exists():
            config = CONFIGS[kind] | ({"num_hidden_layers": layers} if layers else {})
            self.ask("make", str(path), config=config, bits=STORED[stored])
        return str(path)

    def ask(self, do: str, folder: str, *, openblas: bool = True, **more: Any) -> dict[str, Any]:
        environment = self._environment | ({} if openblas else {"BOT_OPENBLAS": "off"})
        request = json.dumps({"do": do, "folder": folder, **more})
        done = subprocess.run(
            [sys.executable, __file__, "--child", request], env=environment, capture_output=True, text=True
        )
        if done.returncode:
            return {"refused": (done.stderr.strip().splitlines() or ["?"])[-1][:100]}
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found


def bench(folder: Path) -> Iterator[Bench]:
    from bot.hub.process import LoopbackHub
    from bot.hub.store import Store
    from bot.rehearsal.datasets import standins
    from bot.settings import Settings, hub_environment

    store = Store(folder / "hub")
    for repo, files in standins().items():
        store.create_repo("dataset", repo)
        store.commit("dataset", repo, files)
    with LoopbackHub.start(folder / "hub") as hub:
        yield Bench(folder, hub_environment(Settings(home=folder / "home", endpoint=hub.endpoint)))


def floor(found: dict[str, Any], kind: str) -> float:
    """Seconds of the matrix products alone, of the tokens that have to be computed."""
    c = CONFIGS[kind]
    width, heads = c["hidden_size"], c["head_dim"]
    attention = width * heads * (2 * c["num_attention_heads"] + 2 * c["num_key_value_heads"])
    inner = c.get("moe_intermediate_size", 0) * c.get("num_experts_per_tok", 0) or c["intermediate_size"]
    layer = attention + 3 * width * inner + width * c.get("num_experts", 0)
    operations = (
        found["computed"] * layer * c["num_hidden_layers"] + found["features"] * width * c["vocab_size"]
    )
    return float(2 * operations / found["flops"])


def compare(run: Bench, asked: argparse.Namespace) -> None:
    """The main table: tasks. Without OpenBLAS everything takes long, so our limit is another one there."""
    print("| BLAS | model | stored | mlx_lm.evaluate | ours | times | expected | floor | of the floor |")
    print("|:--|:--|:--|--:|--:|--:|--:|--:|--:|")
    for openblas in [True, False] if sys.platform == "linux" else [True]:
        if asked.blas not in (None, "OpenBLAS" if openblas else "reference"):
            continue
        for kind in asked.kind or CONFIGS:
            for stored in asked.stored or STORED:
                folder = run.model(kind, stored)
                their = run.ask("theirs", folder, openblas=openblas, limit=asked.theirs)
                limit = asked.limit if openblas else asked.reference_limit
                ours = run.ask("ours", folder, openblas=openblas, limit=limit)
                _row(openblas, kind, stored, their, ours)


def _row(openblas: bool, kind: str, stored: str, their: dict[str, Any], ours: dict[str, Any]) -> None:
    name = "OpenBLAS" if openblas else "reference"
    if "refused" in ours:
        print(f"| {name} | {kind} | {stored} | | {ours['refused']} | | | | |", flush=True)
        return
    wanted = EXPECTED.get((kind, stored)) if openblas else 1.5
    least = floor(ours, kind)
    if "refused" in their:
        said, times = f"does not run ({their['refused']})", ""
    else:
        seconds = their["seconds"] * ours["requests"] / their["requests"]
        said, times = f"{seconds:.1f} s", f"{seconds / ours['seconds']:.1f}"
    print(
        f"| {name} | {kind} | {stored} | {said} | {ours['seconds']:.1f} s | {times} | {wanted or ''} "
        f"| {least:.1f} s | {least / ours['seconds']:.0%} |",
        flush=True,
    )
    print(
        f"    {ours['requests']} requests, {ours['tokens']} tokens, {ours['computed']} computed in "
        f"{ours['passes']} passes, {ours['flops'] / 1e9:.0f} GFLOP/s; {ours['why']}",
        file=sys.stderr,
        flush=True,
    )


def perplexities(run: Bench, theirs: int, asked: argparse.Namespace) -> None:
    print(f"\nPerplexity, {PERPLEXITY[0]} x {PERPLEXITY[1]} tokens, OpenBLAS:\n")
    print("| model | stored | mlx_lm.perplexity | ours | times |\n|:--|:--|--:|--:|--:|")
    for kind in asked.kind or CONFIGS:
        for stored in asked.stored or STORED:
            folder = run.model(kind, stored)
            their = run.ask("their perplexity", folder, limit=theirs)
            ours = run.ask("our perplexity", folder)
            said = f"{their['seconds']:.1f} s" if "seconds" in their else f"does not run ({their['refused']})"
            times = f"{their['seconds'] / ours['seconds']:.1f}" if "seconds" in their else ""
            print(f"| {kind} | {stored} | {said} | {ours['seconds']:.1f} s | {times} |", flush=True)


def growth(run: Bench) -> None:
    """Time by questions and by layers."""
    print("| questions a task | requests | tokens | seconds | a thousand tokens |\n|--:|--:|--:|--:|--:|")
    folder = run.model("dense", "4-bit")
    for limit in (8, 16, 32, 64):
        found = run.ask("ours", folder, limit=limit)
        tokens, seconds = found["tokens"], found["seconds"]
        print(
            f"| {limit} | {found['requests']} | {tokens} | {seconds:.1f} | {1000 * seconds / tokens:.2f} s |"
        )
    print("\n| layers | seconds | seconds a layer | peak resident |\n|--:|--:|--:|--:|")
    for layers in (5, 10, 20, 40):
        found = run.ask("ours", run.model("dense", "4-bit", layers), limit=32)
        seconds = found["seconds"]
        print(
            f"| {layers} | {seconds:.1f} | {seconds / layers:.2f} | {found['peak'] / 1e6:.0f} MB |",
            flush=True,
        )


def beyond_memory(run: Bench) -> None:
    """A base of bfloat16 that its process has not the memory to hold."""
    folder = run.model("dense", "bf16", 120)
    size = sum(path.stat().st_size for path in Path(folder).glob("*.safetensors"))
    print(
        "| base | limit on the process's memory | seconds | passes | peak resident |\n|--:|--:|--:|--:|--:|"
    )
    for limit in (None, size):
        found = run.ask("ours", folder, limit=16, limit_bytes=limit)
        said = f"{limit / 1e6:.0f} MB" if limit else "none"
        if "refused" in found:
            print(f"| {size / 1e6:.0f} MB | {said} | {found['refused']} | | |")
            continue
        print(
            f"| {size / 1e6:.0f} MB | {said} | {found['seconds']:.1f} | {found['passes']} "
            f"| {found['peak'] / 1e6:.0f} MB |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, default=32, help="our questions a task …")
    parser.add_argument("--reference-limit", type=int, default=4, help="… and without OpenBLAS")
    parser.add_argument("--theirs", type=int, default=1, help="mlx_lm's questions a task")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--perplexity", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--beyond-memory", action="store_true")
    parser.add_argument("--kind", action="append", choices=list(CONFIGS))
    parser.add_argument("--stored", action="append", choices=list(STORED))
    parser.add_argument("--blas", choices=["OpenBLAS", "reference"])
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(json.loads(arguments.child))))
        return
    with tempfile.TemporaryDirectory() as folder:
        for run in bench(Path(folder)):
            if arguments.growth:
                growth(run)
            elif arguments.beyond_memory:
                beyond_memory(run)
            else:
                if arguments.quick:
                    arguments.limit, arguments.reference_limit = 8, 1
                if not arguments.perplexity:
                    compare(run, arguments)
                if arguments.blas != "reference":
                    perplexities(run, 1, arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    os.environ.setdefault("TQDM_DISABLE", "1")
    main()
