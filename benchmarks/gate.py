"""How far sound and damaged quants drift from their base: the figures behind the gate's default bounds.

    uv run python benchmarks/gate.py [--base Tiny-Qwen3] [--samples 8] [--length 256]

Quants of the rehearsal bases by `bot quantize`, held against their base with plain mlx_lm in float32, on text
of the rehearsal's small world that the bases were not trained on; each once more with a tenth of the scales
of one projection four times too large. Prints a Markdown table for each base.
"""

from __future__ import annotations

import argparse
import itertools
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot import blas

blas.load_openblas()

import mlx.core as mx  # noqa: E402  after OpenBLAS
import mlx_lm  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402
from mlx_lm.utils import compute_bits_per_weight  # noqa: E402

from bot.records import GateSettings, Record  # noqa: E402
from bot.rehearsal.bases import BASES, bases_folder  # noqa: E402
from bot.rehearsal.corpus import documents  # noqa: E402
from bot.review.gate import WIDTHS, width_of  # noqa: E402

RECIPES = (
    "q8-hi", "q6-hi", "q5", "q4-hi", "q4", "q3-hi", "q3", "q2-hi", "mxfp4",
    "qx86-hi", "qx65-hi", "qx64-hi", "qx63-hi", "qx54g-hi",
)  # fmt: skip
SEED, DOCUMENTS = 77, 400
HEADER = (
    "| quant | bits per weight | class | KL | perplexity, times the base's | damaged: KL |\n"
    "|:--|--:|:--|--:|--:|--:|"
)


def text() -> str:
    chosen = itertools.islice(documents(SEED), DOCUMENTS)
    return "\n\n".join(
        d if isinstance(d, str) else "\n".join(f"{m['role']}: {m['content']}" for m in d) for d in chosen
    )


def log_probabilities(model: Any, batch: Any) -> Any:
    logits = model(batch).astype(mx.float32)
    found = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
    mx.eval(found)
    return found


def loaded(folder: Path) -> tuple[Any, Any, float]:
    """The model in float32 (GatherMM on the CPU takes nothing else), its tokenizer, and bits per weight as it
    is stored."""
    model, tokenizer = mlx_lm.load(str(folder))
    bits: float = compute_bits_per_weight(model)
    model.set_dtype(mx.float32)
    return model, tokenizer, bits


def kl(base: Any, other: Any) -> float:
    return _number((mx.exp(base) * (base - other)).sum(-1).mean())


def nats(found: Any, batch: Any) -> float:
    return _number(-mx.take_along_axis(found[:, :-1], batch[:, 1:, None], axis=-1).mean())


def _number(scalar: Any) -> float:
    return float(scalar.item())


def damage(model: Any) -> None:
    """A tenth of the scales of one layer's last projection four times too large, as after a bad kernel.

    Where the experts are kept as the base has them, the attention's last projection is hit instead.
    """
    affine = [
        (n, p) for n, p in tree_flatten(model.parameters()) if n.endswith("scales") and p.dtype != mx.uint8
    ]
    name, scales = next((n, p) for last in ("down_proj", "w2", "o_proj") for n, p in affine if last in n)
    hit = mx.random.uniform(shape=scales.shape, key=mx.random.key(0)) < 0.1
    model.load_weights([(name, mx.where(hit, 4 * scales, scales))], strict=False)


class Row(Record, frozen=True, kw_only=True):
    """One quant. `damaged` is its KL once damaged; None where it was not."""

    name: str
    bits: float
    width: str
    kl: float
    ratio: float
    damaged: float | None

    def __str__(self) -> str:
        damaged = "" if self.damaged is None else f"{self.damaged:.3f}"
        return (
            f"| {self.name} | {self.bits:.2f} | {self.width} | {self.kl:.4f} | {self.ratio:.3f} | {damaged} |"
        )


def row(folder: Path, name: str, base: Any, batch: Any) -> Row:
    model, _, bits = loaded(folder)
    found = log_probabilities(model, batch)
    ratio = math.exp(nats(found, batch) - nats(base, batch))
    drift, damaged = kl(base, found), None
    if "mxfp4" not in name:
        damage(model)
        damaged = kl(base, log_probabilities(model, batch))
    width = width_of(bits, GateSettings()).name
    return Row(name=name, bits=bits, width=width, kl=drift, ratio=ratio, damaged=damaged)


def measured(name: str, samples: int, length: int) -> Iterator[Row]:
    source = bases_folder() / name
    model, tokenizer, _ = loaded(source)
    ids = tokenizer.encode(text())[: samples * length]
    batch = mx.array(ids).reshape(samples, length)
    base = log_probabilities(model, batch)
    with tempfile.TemporaryDirectory() as scratch:
        asked = itertools.chain.from_iterable(("--recipe", recipe) for recipe in RECIPES)
        command = [sys.executable, "-m", "bot", "quantize", str(source), "--out", scratch, *asked]
        subprocess.run(command, check=True, capture_output=True)
        for recipe in RECIPES:
            yield row(Path(scratch) / f"{name}-{recipe}-mlx", recipe, base, batch)


def summary(rows: list[Row]) -> Iterator[str]:
    """By class: the bound, the worst sound quant, the mildest damaged one."""
    yield "| class | bound | sound: KL at most | damaged: KL at least |\n|:--|--:|--:|--:|"
    for width in WIDTHS:
        mine = [found for found in rows if found.width == width.name]
        if mine:
            worst = max(mine, key=lambda found: found.kl)
            mildest = min((found.damaged for found in mine if found.damaged is not None), default=math.nan)
            yield f"| {width.name} | {width.kl:g} | {worst.kl:.4f} ({worst.name}) | {mildest:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", choices=[base.name for base in BASES])
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--length", type=int, default=256)
    asked = parser.parse_args()
    rows: list[Row] = []
    for base in BASES:
        if asked.base in (None, base.name):
            print(f"\n{base.name}\n\n{HEADER}", flush=True)
            for found in measured(base.name, asked.samples, asked.length):
                print(found, flush=True)
                rows.append(found)
    print("", *summary(rows), sep="\n")


if __name__ == "__main__":
    main()
