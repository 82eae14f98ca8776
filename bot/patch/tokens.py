"""Child process: what the tokenizers of a base and of its quants make of a fixed set.

The set and the reading are those of the conformance check, by which a quant is held against its base when it
is made: what `mlx_lm.load` would give a reader, and no weight is read.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bot.check import tokens
from bot.check.findings import Tokens
from bot.child import Progress, Report, serve
from bot.errors import UnsuitableBase
from bot.patch.trial import Read, ReadRequest, Side
from bot.recipes import architecture

OF_THE_WEIGHTS = ("quantization", "quantization_config")
"""What config.json says of weights: siblings that differ in it alone read text alike."""


def read(request: ReadRequest, report: Report) -> Read:
    """Each folder's tokens; of those that cannot be loaded, why."""
    seen: dict[str, Side] = {}
    found: dict[str, Side] = {}
    for number, folder in enumerate(request.folders):
        report(Progress(stage="check", what="tokenizers", done=number, total=len(request.folders)))
        known = _signature(Path(folder))
        if known not in seen:
            seen[known] = _side(Path(folder), request.base)
        found[folder] = seen[known]
    return Read(sides=found)


def _side(folder: Path, base: str) -> Side:
    try:
        found: Tokens = tokens.read(folder, base)
        template = architecture.tokenizer(folder, base).chat_template
    except UnsuitableBase as error:
        return Side(refused=str(error).removeprefix(f"{base}: "))
    digest = hashlib.sha256(str(template).encode()).hexdigest() if template else None
    return Side(tokens=found, chat_template_sha256=digest)


def _signature(folder: Path) -> str:
    """The same for folders whose tokenizers are read alike."""
    total = hashlib.sha256()
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        data = path.read_bytes()
        if path.name == "config.json":
            data = _without_weights(data)
        total.update(f"{path.relative_to(folder)}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return total.hexdigest()


def _without_weights(data: bytes) -> bytes:
    try:
        config = json.loads(data)
    except (ValueError, RecursionError):
        return data
    if not isinstance(config, dict):
        return data
    return json.dumps({k: v for k, v in config.items() if k not in OF_THE_WEIGHTS}, sort_keys=True).encode()


if __name__ == "__main__":
    serve(read, ReadRequest)
