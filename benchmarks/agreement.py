"""The same answers as mlx_lm.evaluate: the engine held against it and against whole models in float32.

    uv run python benchmarks/agreement.py [--only Tiny-Qwen3] [--stored bf16] [--limit 10]
        [--no-chat-template] [--few-shot 2]

The five rehearsal bases in bfloat16 (the experts of Tiny-GPT-OSS are MXFP4, as in the real one) and a 4-bit
quant of each (`mlx_lm.convert -q`), on all seven tasks with the stand-in datasets of a loopback Hub. On the
same requests:

    mlx_lm   mlx_lm.evaluate's own LM, in the model's dtype
    float32  the whole model in float32, one line at a time, without caches
    ours     the engine
    exact    the engine with --exact-dtype

A bfloat16 mixture of experts does not run on the CPU with mlx_lm (GatherMM takes float32 only); ours is held
against float32 there. Distances are |difference of log-likelihood| from float32, in nats. Prints a Markdown
table, every question that is answered otherwise than by mlx_lm, and which promises do not hold, if any; then
the exit status is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path

from bot import blas

blas.load_openblas()
sys.path.insert(0, str(Path(__file__).parents[1]))

from mlx_lm import convert  # noqa: E402  after OpenBLAS

from bot.rehearsal.bases import BASES, Base  # noqa: E402
from tests.measure import agreement  # noqa: E402

STORED = ("bf16", "4-bit")


def stored(base: Base, how: str, folder: Path) -> Path:
    """The model's folder: the base as it comes, or a quant made in `folder`."""
    if how == "bf16":
        return base.folder
    made = folder / f"{base.name}-4-bit"
    with contextlib.redirect_stdout(io.StringIO()):
        convert(str(base.folder), str(made), quantize=True, q_bits=4, q_group_size=64)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", action="append", choices=[base.name for base in BASES])
    parser.add_argument("--stored", action="append", choices=STORED)
    parser.add_argument("--limit", type=int, help="questions a task")
    parser.add_argument("--no-chat-template", action="store_true")
    parser.add_argument("--few-shot", type=int, default=0)
    arguments = parser.parse_args()
    bases = [base for base in BASES if base.name in (arguments.only or [base.name for base in BASES])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs = [
            agreement.Job(
                name=f"{base.name} {how}",
                folder=str(stored(base, how, folder)),
                limit=arguments.limit,
                chat_template=not arguments.no_chat_template,
                few_shot=arguments.few_shot,
            )
            for base in bases
            for how in arguments.stored or STORED
        ]
        asked = agreement.ask(jobs, folder)
    print(agreement.table(asked))
    print()
    print(agreement.flips_table(asked))
    broken = [
        f"{each.job.name}: {sentence}"
        for each in asked
        for sentence in agreement.broken(each, packed=not each.job.name.endswith("bf16"))
    ]
    print("\n".join(["", *broken]) if broken else "\nAll promises hold.")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
