"""All quants of one base in one pass over it: each part is read once, cast once and packed once for each
distinct (bits, group size, mode), and goes to the shards of every recipe that wants it."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import mlx.core as mx

from bot.check import tokens
from bot.check.conformance import violations
from bot.check.findings import Expected, Tokens
from bot.check.loading import look
from bot.child import Progress, Report
from bot.errors import HostError, UnsuitableBase, UsageError, VerificationFailed
from bot.quantize import ModelFolders, QuantizeRequest, finished
from bot.quantize.background import Background
from bot.quantize.carry import carry_over
from bot.quantize.model_config import carried_over, config_text, quant_config
from bot.quantize.pack import pack
from bot.quantize.shards import Shards, write_text
from bot.quantize.source import Source, Taken
from bot.recipes.layout import Fate, Inventory, Layout, Part, float_type, lay, opened, tensors_of
from bot.records import ModelFolder, Quantization, Recipe
from bot.safetensors import Tensor

K = TypeVar("K")

SPARE = 256 << 20
"""Bytes of disk left free beside what is written."""

BUFFERS = 32 << 20
"""Bytes of freed buffers that MLX may keep for the next tensor."""

WAITING = 32 << 20
"""Bytes of packed tensors that may wait to be written."""


def quantize(request: QuantizeRequest, report: Report) -> ModelFolders:
    """Make every quant that is not already whole on disk.

    Raises UsageError (recipe), UnsuitableBase (base), HostError (disk), VerificationFailed (conformance).
    """
    mx.set_cache_limit(BUFFERS)
    _refuse(request)
    out = Path(request.out).expanduser().resolve()
    out.mkdir(parents=True, exist_ok=True)
    family = _Family(request, out, report)
    whole = {name: family.found(r, name) for r, name in zip(request.recipes, request.names, strict=True)}
    missing = [(r, n) for r, n in zip(request.recipes, request.names, strict=True) if whole[n] is None]
    made = dict(zip([n for _, n in missing], family.make(missing), strict=True)) if missing else {}
    return ModelFolders(items=tuple(whole[name] or made[name] for name in request.names))


def _refuse(request: QuantizeRequest) -> None:
    for name in request.names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise UsageError(f"{name!r} is no name for a quant's folder: letters, digits, . _ and - only")
    if len(set(request.names)) != len(request.names):
        raise UsageError("two of the quants would have the same name: name each recipe once")
    for file in request.snapshot.files:
        if not (Path(request.snapshot.path) / file.path).is_file():
            raise UnsuitableBase(f"{request.snapshot.repo}: {file.path} is gone from disk: fetch it again")


class _Quant(NamedTuple):
    """One quant in the making."""

    recipe: Recipe
    name: str
    layout: Layout
    fates: dict[str, Fate]
    dtype: str | None
    shards: Shards

    def form(self, part: Part) -> tuple[str | None, bool]:
        """The float type the part is cast to, and whether it is dequantized first."""
        return self.dtype, self.recipe.requantize and opened(part) != part

    def becomes(self, part: Part) -> Quantization | None:
        """How the part's weight is to be packed now: None for what stays, or is packed already."""
        fate = self.fates.get(part.path) if part.packs or part.stored else None
        return fate.quantization if fate and not fate.from_source else None

    def tensors(self, part: Part) -> dict[str, Tensor]:
        """What the part's tensors are in this quant's files."""
        part = opened(part) if self.recipe.requantize else part
        return tensors_of(part, self.becomes(part), self.dtype)


class _Family:
    """The quants of one snapshot under one folder."""

    def __init__(self, request: QuantizeRequest, out: Path, report: Report) -> None:
        self.snapshot, self.out, self.report = request.snapshot, out, report
        self.largest, self.text_only = request.largest_shard, request.text_only
        self.source_folder = Path(request.snapshot.path)

    @functools.cached_property
    def base_tokens(self) -> Tokens:
        return tokens.read(self.source_folder, self.snapshot.repo)

    def found(self, recipe: Recipe, name: str) -> ModelFolder | None:
        """The quant, when it is whole on disk already."""
        return finished.found(self.out, name, recipe.hash, self.snapshot.repo, self.snapshot.sha)

    def make(self, wanted: list[tuple[Recipe, str]]) -> list[ModelFolder]:
        """One pass over the base, then each quant's other files, its check and its name."""
        _ = self.base_tokens  # a base without a usable tokenizer is refused before the long writing
        source = Source(self.source_folder, self.snapshot.repo, text_only=self.text_only)
        quants = [self._begun(recipe, name, source.inventory) for recipe, name in wanted]
        self._check_disk(quants)
        _one_pass(source, quants, _Counter(self.report, quants))
        return [self._finished(quant, source) for quant in quants]

    def _begun(self, recipe: Recipe, name: str, inventory: Inventory) -> _Quant:
        layout = lay(recipe, inventory)
        origin = f"{self.snapshot.repo}@{self.snapshot.sha}+{recipe.hash}"
        shards = Shards(finished.partial(self.out, name), layout, self.largest, origin)
        fates = {fate.path: fate for fate in layout.fates}
        return _Quant(recipe, name, layout, fates, float_type(recipe, inventory), shards)

    def _check_disk(self, quants: list[_Quant]) -> None:
        free = shutil.disk_usage(self.out).free
        need = sum(quant.shards.missing_bytes for quant in quants) + SPARE
        if need > free:
            raise HostError(
                f"{', '.join(q.recipe.name for q in quants)} of {self.snapshot.repo}: {need / 1e9:.1f} GB "
                f"are needed and {free / 1e9:.1f} GB are free in {self.out}: free some or write elsewhere"
            )

    def _finished(self, quant: _Quant, source: Source) -> ModelFolder:
        layout, partial = quant.layout, quant.shards.partial
        kept = carried_over(self.snapshot.files, text_only=layout.text_only)
        config = quant_config(source.config, layout.quantization, quant.recipe, text_only=layout.text_only)
        files = (
            *quant.shards.finish(),
            *carry_over(self.snapshot, kept, partial),
            write_text(partial / "config.json", config_text(config)),
        )
        self._check(partial, layout, source)
        record = ModelFolder(
            recipe=quant.recipe.name,
            recipe_hash=quant.recipe.hash,
            path=str(self.out / quant.name),
            base=self.snapshot.repo,
            base_sha=self.snapshot.sha,
            files=tuple(sorted(files, key=lambda file: file.path)),
            bits_per_weight=layout.bits_per_weight,
            parameters=layout.parameters,
            text_only=layout.text_only,
            notes=layout.notes,
        )
        finished.finish(partial, record)
        quant.shards.forget()
        return record

    def _check(self, folder: Path, layout: Layout, source: Source) -> None:
        expected = Expected(
            tensors=layout.tensors,
            quantization=layout.quantization,
            bits_per_weight=layout.bits_per_weight,
            base_files=tuple(file.path for file in self.snapshot.files),
            tokens=self.base_tokens,
            recipe=layout.recipe,
            text_only=layout.text_only,
            config=source.config,
        )
        found = violations(expected, look(folder, self.snapshot.repo))
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise VerificationFailed(
                f"the {layout.recipe} of {self.snapshot.repo} is wrong: {found[0]}{more}"
            )


class _Counter:
    """Says how many of the bytes are written."""

    def __init__(self, report: Report, quants: list[_Quant]) -> None:
        self._report, self._done = report, 0
        self._total = sum(quant.shards.missing_bytes for quant in quants)
        self._what = ", ".join(quant.recipe.name for quant in quants)

    def add(self, size: int) -> None:
        self._done += size
        self._report(
            Progress(stage="quantize", what=self._what, done=self._done, total=self._total, unit="bytes")
        )


def _one_pass(source: Source, quants: list[_Quant], counter: _Counter) -> None:
    with Background(WAITING) as writing:
        for part in source.inventory.parts:
            taken = source.take(part)
            wanting = [quant for quant in quants if quant.shards.wants(quant.tensors(part))]
            for name, value, same in _made(part, taken, wanting):
                data = _bytes(value)
                writing.give(functools.partial(_append, same, name, data, counter), len(data))


def _append(quants: list[_Quant], name: str, data: memoryview, counter: _Counter) -> None:
    for quant in quants:
        counter.add(quant.shards.append(name, data))


def _made(part: Part, taken: Taken, quants: list[_Quant]) -> Iterator[tuple[str, mx.array, list[_Quant]]]:
    """The part's tensors and who gets each, in file order; each form is made once, each packing once."""
    forms = _grouped(quants, lambda quant: quant.form(part))
    for number, ((dtype, requantize), group) in enumerate(forms.items(), 1):
        arrays = taken.form(dtype, requantize=requantize, last=number == len(forms))
        for quantization, same in _grouped(group, lambda quant: quant.becomes(part)).items():
            for name, value in _packed(part.path, arrays, quantization):
                yield name, value, same


def _packed(
    path: str, arrays: dict[str, mx.array], quantization: Quantization | None
) -> Iterator[tuple[str, mx.array]]:
    """A part's tensors in file order, its weight packed where `quantization` says how."""
    if quantization is None:
        yield from arrays.items()
        return
    weight = f"{path}.weight"
    kinds = ("weight", "scales", "biases")
    for kind, value in zip(kinds, pack(arrays[weight], quantization), strict=False):  # biases: affine only
        yield f"{path}.{kind}", value
    yield from ((name, value) for name, value in arrays.items() if name != weight)


def _grouped(quants: Iterable[_Quant], key: Callable[[_Quant], K]) -> dict[K, list[_Quant]]:
    groups: dict[K, list[_Quant]] = {}
    for quant in quants:
        groups.setdefault(key(quant), []).append(quant)
    return groups


def _bytes(array: mx.array) -> memoryview:
    """The array's values in row order, evaluated."""
    values = mx.contiguous(array).reshape(-1).view(mx.uint8)
    return memoryview(values)  # type: ignore[arg-type]  # MLX's stubs do not know its buffer protocol
