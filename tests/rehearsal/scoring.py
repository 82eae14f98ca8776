"""A process of its own that scores rehearsal bases: real lm-eval tasks, mlx-lm's own lm-eval model.

`python -m tests.rehearsal.scoring JOBS.json OUT.json`, in the environment of a loopback Hub that holds
the bases and the datasets. Each job: {"key", "repo", "bits", "tasks"}; the answer: key -> task -> scores.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bot import blas

blas.load_openblas()

import datasets  # noqa: E402  OpenBLAS has to be there before anything brings MLX
import lm_eval  # noqa: E402
import mlx.core as mx  # noqa: E402
import mlx.nn as nn  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402
from mlx_lm import load, stream_generate  # noqa: E402
from mlx_lm.evaluate import MLXLM  # noqa: E402

PROMPTS = ("hello", "Name three colors of the rainbow.", "What is the capital of France?")
GROUP_SIZE = 64


def quantized(model: nn.Module, bits: int) -> None:
    """Replace every weight that `nn.quantize` takes by its quantized value, kept in float32 for speed."""
    for _, module in model.named_modules():
        if hasattr(module, "to_quantized"):
            parts = mx.quantize(module.weight, group_size=GROUP_SIZE, bits=bits)
            module.weight = mx.dequantize(*parts, group_size=GROUP_SIZE, bits=bits)


def loaded(repo: str, bits: int | None) -> Any:
    """mlx-lm's lm-eval model of this repo, in float32 because MLX has no other expert gather on a CPU."""
    scorer = MLXLM(repo)
    scorer._model.set_dtype(mx.float32)
    if bits is not None:
        quantized(scorer._model, bits)
    return scorer


def answers(repo: str) -> list[dict[str, Any]]:
    """What the base says to three prompts, greedily, and why it stopped."""
    model, tokenizer = load(repo)
    model.set_dtype(mx.float32)
    said = []
    for prompt in PROMPTS:
        ids = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True)
        parts = list(stream_generate(model, tokenizer, ids, max_tokens=48))
        said.append(
            {
                "prompt": prompt,
                "text": "".join(part.text for part in parts),
                "tokens": len(parts),
                "finish_reason": parts[-1].finish_reason,
                "end_token": tokenizer.decode([parts[-1].token]),
            }
        )
    return said


def main(jobs_file: str, out_file: str) -> None:
    """Work off the jobs and write what came out."""
    datasets.config.USE_PARQUET_EXPORT = False
    manager = TaskManager()
    found: dict[str, Any] = {"scores": {}, "answers": {}}
    for job in json.loads(Path(jobs_file).read_text()):
        if job["tasks"]:
            results = lm_eval.simple_evaluate(
                model=loaded(job["repo"], job["bits"]),
                tasks=job["tasks"],
                task_manager=manager,
                apply_chat_template=True,
                random_seed=123,
                bootstrap_iters=0,
            )
            found["scores"][job["key"]] = {
                task: {
                    "acc": values["acc,none"],
                    "acc_norm": values.get("acc_norm,none"),
                    "n": results["n-samples"][task]["effective"],
                }
                for task, values in results["results"].items()
            }
        if job["bits"] is None:
            found["answers"][job["key"]] = answers(job["repo"])
    Path(out_file).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
