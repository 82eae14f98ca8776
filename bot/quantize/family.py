"""All quants of one base, one after the other: load lazily, apply the recipe, write, check, name."""

from __future__ import annotations

import functools
import json
import re
import shutil
from pathlib import Path

import mlx.core as mx

from bot import safetensors
from bot.child import Progress, Report
from bot.errors import HostError, UnsuitableBase, UsageError, VerificationFailed
from bot.fetch.select import INDEX
from bot.quantize import ModelFolders, QuantizeRequest, finished, tokens, write
from bot.quantize.conformance import Expected, Found, Tokens, violations
from bot.quantize.model_config import carried_over, config_text, quant_config
from bot.recipes import architecture
from bot.recipes.apply import Layout, apply
from bot.recipes.names import parse
from bot.recipes.recipe import Recipe
from bot.records import ModelFolder, Snapshot

SPARE = 256 << 20
"""Bytes of disk left free beside what is written."""

BUFFERS = 256 << 20
"""Bytes of freed buffers that MLX may keep for the next tensor."""


def quantize(request: QuantizeRequest, report: Report) -> ModelFolders:
    """Make every quant that is not already whole on disk.

    Raises UsageError (recipe), UnsuitableBase (base), HostError (disk), VerificationFailed (conformance).
    """
    mx.set_cache_limit(BUFFERS)
    out = Path(request.out).expanduser().resolve()
    out.mkdir(parents=True, exist_ok=True)
    family = _Family(request.snapshot, out, report)
    recipes = [parse(name) for name in request.recipes]
    for name in request.names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise UsageError(f"{name!r} is no name for a quant's folder: letters, digits, . _ and - only")
    return ModelFolders(
        items=tuple(family.quant(r, name) for r, name in zip(recipes, request.names, strict=True))
    )


class _Family:
    """The quants of one snapshot under one folder."""

    def __init__(self, snapshot: Snapshot, out: Path, report: Report) -> None:
        self.snapshot, self.out, self.report = snapshot, out, report
        self.source = Path(snapshot.path)
        for file in snapshot.files:
            if not (self.source / file.path).is_file():
                raise UnsuitableBase(f"{snapshot.repo}: {file.path} is gone from disk: fetch it again")

    @functools.cached_property
    def base_tokens(self) -> Tokens:
        return tokens.read(self.source, self.snapshot.repo)

    def quant(self, recipe: Recipe, name: str) -> ModelFolder:
        """One finished quant: found whole, or made."""
        whole = finished.found(self.out, name, recipe.hash, self.snapshot.repo, self.snapshot.sha)
        if whole is not None:
            return whole
        _ = self.base_tokens  # a base without a usable tokenizer is refused before the long writing
        partial = finished.fresh_partial(self.out, name)
        record = self._make(recipe, partial, self.out / name)
        finished.finish(partial, record)
        return record

    def _make(self, recipe: Recipe, partial: Path, target: Path) -> ModelFolder:
        snapshot = self.snapshot
        model, config = architecture.load(self.source, snapshot.repo)
        layout = apply(recipe, model, config, snapshot.repo)
        self._check_disk(layout)
        kept = carried_over(snapshot.files, text_only=layout.text_only)
        config = quant_config(config, layout.quantization, recipe, text_only=layout.text_only)
        files = (
            *write.write_weights(partial, model, layout, self._counter(target.name, layout)),
            *write.carry_over(snapshot, kept, partial),
            write.write_text(partial / "config.json", config_text(config)),
        )
        del model
        mx.clear_cache()
        self._check(partial, layout)
        return ModelFolder(
            recipe=recipe.name,
            recipe_hash=recipe.hash,
            path=str(target),
            base=snapshot.repo,
            base_sha=snapshot.sha,
            files=tuple(sorted(files, key=lambda file: file.path)),
            bits_per_weight=layout.bits_per_weight,
            parameters=layout.parameters,
            text_only=layout.text_only,
            notes=layout.notes,
        )

    def _check_disk(self, layout: Layout) -> None:
        free = shutil.disk_usage(self.out).free
        if layout.bytes + SPARE > free:
            raise HostError(
                f"{layout.recipe} of {self.snapshot.repo} needs {(layout.bytes + SPARE) / 1e9:.1f} GB and "
                f"{free / 1e9:.1f} GB are free in {self.out}: free some space or move BOT_HOME"
            )

    def _counter(self, name: str, layout: Layout) -> write.Count:
        done, total = 0, layout.bytes

        def count(size: int) -> None:
            nonlocal done
            done += size
            self.report(Progress(stage="quantize", what=name, done=done, total=total, unit="bytes"))

        return count

    def _check(self, folder: Path, layout: Layout) -> None:
        expected = Expected(
            tensors=layout.tensors,
            quantization=layout.quantization,
            bits_per_weight=layout.bits_per_weight,
            base_files=tuple(file.path for file in self.snapshot.files),
            tokens=self.base_tokens,
        )
        found = violations(expected, look(folder, self.snapshot.repo))
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise VerificationFailed(
                f"the {layout.recipe} of {self.snapshot.repo} is wrong: {found[0]}{more}"
            )


def look(folder: Path, base: str) -> Found:
    """What a model folder holds, read back from disk. Raises VerificationFailed for broken safetensors."""
    shards = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            shards[path.name] = safetensors.read_header(path)
        except safetensors.HeaderError as error:
            raise VerificationFailed(f"{path} {error}") from error
    return Found(
        shards=shards,
        weight_map=json.loads((folder / INDEX).read_text("utf-8"))["weight_map"],
        config=json.loads((folder / "config.json").read_text("utf-8")),
        files=tuple(sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())),
        tokens=tokens.read(folder, base),
    )
