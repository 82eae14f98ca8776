"""Experts on the CPU: the tokens of each expert in one matmul.

MLX's CPU backend has no fast gathered matmul, and none at all in bfloat16: `GatherMM` takes float32 only.
What is computed is the same, one expert's tokens after the other's.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx_lm.models.switch_layers import SwitchLinear


def group_experts(layer: nn.Module) -> None:
    """Let every mixture of unpacked experts in `layer` compute expert by expert, in place."""
    for _, module in layer.named_modules():
        if type(module) is SwitchLinear:
            module.__class__ = GroupedSwitchLinear


class GroupedSwitchLinear(SwitchLinear):  # type: ignore[misc]  # mlx_lm has no types
    """A SwitchLinear that sorts tokens by expert and multiplies once for each expert that has some."""

    def __call__(self, x: mx.array, indices: mx.array, sorted_indices: bool = False) -> mx.array:
        """x (..., 1, inputs) and indices (...), broadcast against each other; gives (..., 1, outputs)."""
        shape = np.broadcast_shapes(x.shape[:-2], indices.shape)
        rows = mx.broadcast_to(x, (*shape, *x.shape[-2:])).reshape(-1, x.shape[-1])
        chosen = np.array(mx.broadcast_to(indices, shape).reshape(-1))
        order = None if sorted_indices else np.argsort(chosen, kind="stable")
        if order is not None:
            rows, chosen = rows[mx.array(order)], chosen[order]
        out = mx.concatenate(list(self._products(rows, chosen)))
        if order is not None:
            out = out[mx.array(np.argsort(order, kind="stable"))]
        return out.reshape(*shape, 1, out.shape[-1])

    def _products(self, rows: mx.array, chosen: Any) -> Any:
        experts, starts = np.unique(chosen, return_index=True)
        for expert, start, end in zip(experts, starts, [*starts[1:], len(chosen)], strict=True):
            product = rows[int(start) : int(end)] @ self["weight"][int(expert)].T
            yield product + self["bias"][int(expert)] if "bias" in self else product
