"""Findings about a quant's tensors and the files that hold them. Pure over headers, index and config."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from bot.check.findings import Expected, Finding, Found, Remark
from bot.check.packing import KINDS, packing
from bot.fetch.select import INDEX, WEIGHTS
from bot.recipes.layout import FLOATS
from bot.records import Quantization
from bot.safetensors import Tensor

TOLERANCE = 0.001
"""The share by which bits per weight may be off."""


def files(expected: Expected, found: Found) -> Iterator[Finding]:
    """Broken files, and files that programs would load otherwise than the index says."""
    for file, why in found.corrupt.items():
        yield Finding(kind="corrupt", where=file, text=f"it {why}")
    present = {*found.shards, *found.corrupt}
    loaded = {file for file in present if fnmatchcase(file, WEIGHTS)}
    if found.weight_map is None:
        if len(loaded) > 1 and INDEX not in found.corrupt:
            yield Remark(kind="index", where=INDEX, text=f"there is none, and {len(loaded)} files of weights")
    else:
        yield from _against_index(found, found.weight_map, present, loaded)
    for file in sorted(present - loaded - set((found.weight_map or {}).values())):
        yield Remark(kind="stale", where=file, text=f"mlx-lm loads only {WEIGHTS}: this file is left out")
    for file, said in sorted(found.formats.items()):
        if said != "mlx" and file in loaded:
            text = f"its metadata says format: {said[:20]}" if said else "its metadata names no format"
            yield Finding(kind="format", where=file, text=f"{text}, it should say mlx")


def _against_index(
    found: Found, weight_map: dict[str, str], present: set[str], loaded: set[str]
) -> Iterator[Finding]:
    named = set(weight_map.values())
    for file in sorted(loaded - named):
        yield Finding(kind="stale", where=file, text="no index names it, and mlx-lm would load it too")
    for file in sorted(named - present):
        yield Finding(kind="index", where=file, text="the index names it and it is not there")
    for file in sorted((named & present) - loaded):
        yield Finding(kind="index", where=file, text=f"the index names it and mlx-lm loads only {WEIGHTS}")
    holders = {(name, file) for file in named & found.shards.keys() for name in found.shards[file]}
    sound = {item for item in weight_map.items() if item[1] in found.shards}
    for name, file in sorted(holders ^ sound):
        has = (
            "has it and the index does not say so"
            if (name, file) in holders
            else "should have it and has not"
        )
        yield Finding(kind="index", where=name, text=f"{file} {has}")


def twice(expected: Expected, found: Found) -> Iterator[Finding]:
    """Tensors that stand in two of the files that mlx-lm loads: which one wins is chance."""
    counts = Counter(
        name for file, tensors in found.shards.items() if fnmatchcase(file, WEIGHTS) for name in tensors
    )
    for name in sorted(name for name, count in counts.items() if count > 1):
        yield Finding(kind="extra", where=name, text="it stands in two files")


def inventory(expected: Expected, found: Found) -> Iterator[Finding]:
    """Tensors that are missing, left over, of another shape or type; modules packed otherwise."""
    if expected.tensors is None or found.broken:
        return
    tensors = found.tensors
    blind = _blind(expected, tensors)
    if blind:
        yield Finding(kind="senses", where="config.json", text=_BLIND)
    otherwise = _packed_otherwise(expected, tensors)
    for path, (wanted, given) in otherwise.items():
        gives = f"{_maker(expected)} gives {words(wanted)}"
        yield Finding(kind="recipe", where=path, text=f"{words(given)} where {gives}")
    spared = {f"{path}.{kind}" for path in otherwise for kind in KINDS}
    spared |= expected.senses if blind else frozenset()
    for name in sorted(expected.tensors.keys() - tensors.keys() - spared):
        yield Finding(kind="missing", where=name, text="the tensor is missing")
    yield from _left_over(expected, found, spared)
    both = [name for name in expected.tensors if name in tensors and name not in spared]
    for name in both:
        want, have = expected.tensors[name], tensors[name]
        if want != have and not (want.shape == have.shape and _floats(want, have)):
            text = f"{have.dtype} {list(have.shape)} instead of {want.dtype} {list(want.shape)}"
            yield Finding(kind="shape", where=name, text=text)
    yield from _float_types(expected, tensors, both)


_BLIND = (
    "it speaks of what the base sees or hears with, and those tensors are missing: mlx-vlm cannot load it"
)


def _blind(expected: Expected, tensors: dict[str, Tensor]) -> bool:
    assert expected.tensors is not None
    seeing = expected.senses or tensors.keys() - expected.tensors.keys()
    return expected.sees and not seeing & tensors.keys()


def _packed_otherwise(
    expected: Expected, tensors: dict[str, Tensor]
) -> dict[str, tuple[Quantization | None, Quantization | None]]:
    """Modules that are whole, but packed in another way: what the recipe gives, what is there."""
    assert expected.tensors is not None
    found = {}
    for path, columns in columns_of(expected).items():
        weight = tensors.get(f"{path}.weight")
        if weight is None or not weight.shape:
            continue
        given, wanted = packing(tensors, path, columns), _wanted(expected, path)
        floats = weight.shape[-1] == columns and f"{path}.scales" not in tensors
        if given != wanted and (given or floats):
            found[path] = (wanted, given)
    return found


def columns_of(expected: Expected) -> dict[str, int]:
    """How wide each of the expected modules is, unpacked."""
    widths = {}
    for name, tensor in (expected.tensors or {}).items():
        path, _, kind = name.rpartition(".")
        if kind == "weight" and len(tensor.shape) > 1:
            wanted = _wanted(expected, path)
            widths[path] = tensor.shape[-1] * 32 // wanted.bits if wanted else tensor.shape[-1]
    return widths


def _wanted(expected: Expected, path: str) -> Quantization | None:
    entry: Any = expected.quantization.get(path)
    return Quantization(**entry) if isinstance(entry, dict) else None


def _maker(expected: Expected) -> str:
    return expected.recipe or "the recipe"


def words(packed: Quantization | None) -> str:
    if packed is None:
        return "floats"
    affine = f"{packed.bits} bits, group size {packed.group_size}"
    return affine if packed.mode == "affine" else packed.mode


def _left_over(expected: Expected, found: Found, spared: set[str]) -> Iterator[Finding]:
    """Tensors that the base has not; others' quants may hold such as mlx-lm leaves out when it loads them."""
    assert expected.tensors is not None
    names = sorted(found.tensors.keys() - expected.tensors.keys() - spared)
    harmless = expected.by_others and found.loaded is not None
    if not harmless:
        for name in names:
            yield Finding(kind="extra", where=name, text="the base has no such tensor")
    elif names:
        text = "mlx-lm leaves it out when it loads the quant: it was not compared"
        yield from (Remark(kind="extra", where=name, text=text) for name in names)


def _floats(want: Tensor, have: Tensor) -> bool:
    return want.dtype in FLOATS.values() and have.dtype in FLOATS.values()


def _float_types(expected: Expected, tensors: dict[str, Tensor], names: list[str]) -> Iterator[Finding]:
    """Floats of another type than the base's: a remark where others made it and did so throughout."""
    assert expected.tensors is not None
    groups: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for name in names:
        want, have = expected.tensors[name], tensors[name]
        if want.shape == have.shape and _floats(want, have):
            groups[want.dtype, name in expected.exact].append(name)
    for (want_type, _), group in groups.items():
        usual = Counter(tensors[name].dtype for name in group).most_common(1)[0][0]
        usual = usual if expected.by_others else want_type
        if usual != want_type:
            text = f"floats are {usual} throughout where the base gives {want_type}"
            yield Remark(kind="dtype", where=group[0], text=text)
        for name in group:
            if tensors[name].dtype != usual:
                yield Finding(kind="dtype", where=name, text=f"{tensors[name].dtype} instead of {usual}")


def bits_per_weight(expected: Expected, found: Found) -> float | None:
    """Stored bits of the tensors that the base has too, over its parameters; None where that is unknown."""
    if not expected.tensors or not expected.bits_per_weight or found.broken:
        return None
    parameters = _bytes(expected.tensors) * 8 / expected.bits_per_weight
    held = {name: tensor for name, tensor in found.tensors.items() if _belongs(name, expected.tensors)}
    return _bytes(held) * 8 / parameters


def _belongs(name: str, tensors: dict[str, Tensor]) -> bool:
    """Scales and biases of a module that should be floats count too."""
    return name in tensors or f"{name.rpartition('.')[0]}.weight" in tensors


def _bytes(tensors: dict[str, Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors.values())


def bits(expected: Expected, found: Found) -> Iterator[Finding]:
    """Bits per weight against what the recipe gives on this base, floats counted as the quant casts them."""
    have, want = bits_per_weight(expected, found), expected.bits_per_weight
    if have is None or want is None or expected.tensors is None:
        return
    cast = {
        name: found.tensors[name]
        if name in found.tensors and _floats(tensor, found.tensors[name])
        else tensor
        for name, tensor in expected.tensors.items()
    }
    want *= _bytes(cast) / _bytes(expected.tensors)
    if abs(have - want) > TOLERANCE * want:
        text = f"{have:.3f} bits per weight, and {_maker(expected)} gives {want:.3f} on this base"
        yield Finding(kind="bits", text=text)


def loading(expected: Expected, found: Found) -> Iterator[Finding]:
    """mlx-lm's own word."""
    if found.refusal and expected.tensors is not None:
        yield Finding(kind="loading", text=found.refusal)
