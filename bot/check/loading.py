"""Child process: what mlx-lm and transformers make of a base and of a quant, of which only small files and
headers are known."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bot.check import tokens
from bot.check.check import LoadingRequest, Side, held
from bot.check.expecting import Loaded
from bot.check.findings import Found, Tokens
from bot.check.place import Folder
from bot.child import Progress, Report, serve
from bot.errors import UnsuitableBase
from bot.recipes import InventoryRequest
from bot.recipes.inventory import read
from bot.recipes.layout import Inventory
from bot.safetensors import Tensor


def load(request: LoadingRequest, report: Report) -> Loaded:
    """Both sides, each as far as it can be loaded: what cannot is said in the answer, not raised."""
    report(Progress(stage="check", what="loading", done=0, total=1))
    base, quant = request.base, request.quant
    text, unsupported = _inventory(base, report, text_only=True)
    loses = text is not None and text.text_only
    whole, _ = _inventory(base, report, text_only=False) if loses else (text, "")
    loaded, refusal = _inventory(quant, report, text_only=True) if quant.tensors else (None, "")
    base_tokens, no_base_tokens = _tokens(base)
    quant_tokens, no_tokens = _tokens(quant)
    return Loaded(
        text=text,
        whole=whole,
        unsupported=unsupported,
        loaded=_names(loaded),
        refusal=refusal,
        base_tokens=base_tokens,
        no_base_tokens=no_base_tokens,
        tokens=quant_tokens,
        no_tokens=no_tokens,
    )


def look(folder: Path, base: str) -> Found:
    """What a model folder holds, and what its tokenizer makes of the fixed set.

    Raises UnsuitableBase where it is no model or has no usable tokenizer.
    """
    return msgspec.structs.replace(held(Folder(folder)), tokens=tokens.read(folder, base))


def _inventory(side: Side, report: Report, *, text_only: bool) -> tuple[Inventory | None, str]:
    config = (Path(side.folder) / "config.json").read_text("utf-8", "replace")
    request = InventoryRequest(base=side.name, config=config, tensors=side.tensors, text_only=text_only)
    try:
        return read(request, report), ""
    except UnsuitableBase as error:
        return None, str(error).removeprefix(f"{side.name}: ")


def _names(inventory: Inventory | None) -> dict[str, Tensor] | None:
    if inventory is None:
        return None
    return {name: tensor for part in inventory.parts for name, tensor in part.tensors.items()}


def _tokens(side: Side) -> tuple[Tokens | None, str]:
    try:
        return tokens.read(Path(side.folder), side.name), ""
    except UnsuitableBase as error:
        return None, str(error).removeprefix(f"{side.name}: ")


if __name__ == "__main__":
    serve(load, LoadingRequest)
