"""What `bot recipes` prints: tables for people, plain values for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape
from rich.table import Table

from bot.card.numbers import size
from bot.recipes.book import Book
from bot.recipes.layout import Inventory, Layout
from bot.recipes.mac.fit import Fit, paste
from bot.recipes.mac.memory import WorkingSet, raising
from bot.recipes.names import all_names, parse
from bot.recipes.summary import Row, enhanced_layers, enhanced_share, ranges, rows
from bot.records import Layers, Quantization, Recipe, Rule, to_json

GIB = 1 << 30


FAMILIES = (
    (
        "qxHD[g|n][x][-hi]",
        "qx86-hi, qx64, qx54g-hi",
        "Deckard: head and periodic attention at H, data at D",
    ),
    ("qN[-hi]", "q8-hi, q6, q4-hi", "N bits for everything but routers, which have 8"),
    ("mxfp4, mxfp8, nvfp4", "mxfp4", "a microscaling format for everything but routers"),
    ("bf16", "bf16", "nothing is quantized"),
)
"""The grammar: a pattern, examples, what it means."""


def list_table(book: Book) -> Table:
    """The built-in families, then people's own files."""
    table = _table(f"{len(all_names())} built-in names, {len(book.own)} of your own")
    for name in ("name", "such as", "what it is"):
        table.add_column(name, overflow="fold")
    for family in FAMILIES:
        table.add_row(*map(escape, family))
    broken = book.mistakes()
    for name, path in sorted(book.own.items()):
        about = broken.get(name) or book.parse(name).about
        table.add_row(*map(escape, (name, str(path), about)))
    table.caption = escape(
        "H, D, N: 2, 3, 4, 5, 6 or 8 bits, D at most H; g for GLM, n for Qwen3-Next, x: embeddings at H; "
        "-hi: groups of 32 instead of 64"
    )
    table.caption_justify = "left"
    return table


def listed(book: Book) -> dict[str, Any]:
    """The same as plain values, every name with its hash."""
    broken = book.mistakes()
    own = {name: book.parse(name) for name in sorted(book.own.keys() - broken)}
    return {
        "families": [dict(zip(("pattern", "examples", "about"), family, strict=True)) for family in FAMILIES],
        "recipes": [
            *({"name": name, "hash": parse(name).hash, "file": None} for name in all_names()),
            *({"name": name, "hash": r.hash, "file": str(book.own[name])} for name, r in own.items()),
        ],
        "mistakes": list(broken.values()),
    }


def rules_table(recipe: Recipe) -> Table:
    """What a recipe says, rule by rule."""
    table = _table(f"{recipe.name}: {recipe.about}" if recipe.about else recipe.name)
    for name in ("role", "stored as", "layers", "where the module's path has"):
        table.add_column(name, overflow="fold")
    for rule in recipe.rules:
        table.add_row(
            *map(escape, (rule.role, _wanted(rule), _layers(rule.layers), rule.pattern or "anything else"))
        )
    return table


def rules_json(recipe: Recipe) -> dict[str, Any]:
    return {**to_json(recipe), "hash": recipe.hash}


def _wanted(rule: Rule) -> str:
    elsewhere = f", elsewhere {stored_as(rule.otherwise)}" if rule.layers and rule.otherwise else ""
    return stored_as(rule.wanted) + elsewhere


def _layers(layers: Layers | None) -> str:
    if layers is None:
        return "all"
    if layers.only is not None:
        return ranges(layers.only)
    ends = [f"{word} {n}" for word, n in (("first", layers.first), ("last", layers.last)) if n is not None]
    if ends:
        return " and ".join(ends)
    if layers.every == 1:
        return "all"
    return f"one of every {layers.every}" + (f", from {layers.offset}" if layers.offset else "")


def stored_as(quantization: Quantization | None) -> str:
    """`6 bits, groups of 32`, `mxfp4`, or `float`."""
    if quantization is None:
        return "float"
    if quantization.mode != "affine":
        return quantization.mode
    return f"{quantization.bits} bits, groups of {quantization.group_size}"


# ------------------------------------------------------------------ a recipe on a model


def layout_lines(inventory: Inventory, layout: Layout) -> Iterator[Table | str]:
    """The table of what becomes of each kind of module, then totals and notes."""
    table = _table(f"{layout.recipe} on {inventory.base} ({inventory.model_type})")
    for name in ("module", "role", "layers"):
        table.add_column(name, overflow="fold")
    for name in ("bits", "group", "parameters", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows(layout):
        table.add_row(*map(escape, _cells(row)))
    yield table
    yield ""
    yield from totals(layout)
    for note in layout.notes:
        yield escape(f"note: {note}")


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.path,
        row.role,
        ranges(row.layers),
        *_width(row.quantization),
        f"{row.parameters:,}",
        size(row.bytes),
    )


def _width(quantization: Quantization | None) -> tuple[str, str]:
    if quantization is None:
        return "float", ""
    bits = str(quantization.bits) if quantization.mode == "affine" else quantization.mode
    return bits, str(quantization.group_size)


def totals(layout: Layout) -> tuple[str, ...]:
    """Parameters, bits per weight, size, and what is enhanced."""
    layers = enhanced_layers(layout)
    return (
        f"{layout.parameters:,} parameters at {layout.bits_per_weight:.3f} bits per weight: "
        f"{layout.bytes:,} bytes, {_gib(layout.bytes)}",
        f"{enhanced_share(layout):.1%} of the parameters have more bits than the data"
        + (f", in layers {ranges(layers)} and outside the layers" if layers else ""),
    )


def _gib(count: int) -> str:
    """`8.31 GiB`; of less than one, three digits that say something."""
    return f"{count / GIB:.2f} GiB" if count >= GIB else f"{count / GIB:.3g} GiB"


def layout_json(recipe: Recipe, inventory: Inventory, layout: Layout) -> dict[str, Any]:
    """Every module and every tensor of the quant, and the totals."""
    paths = {fate.path for fate in layout.fates}
    return {
        "recipe": recipe.name,
        "recipe_hash": recipe.hash,
        "model": inventory.base,
        "model_type": inventory.model_type,
        "parameters": layout.parameters,
        "bits_per_weight": layout.bits_per_weight,
        "bytes": layout.bytes,
        "gib": layout.bytes / GIB,
        "layers": inventory.n_layers,
        "layers_enhanced": list(enhanced_layers(layout)),
        "share_enhanced": enhanced_share(layout),
        "text_only": layout.text_only,
        "notes": list(layout.notes),
        "modules": [_module(fate_json) for fate_json in map(to_json, layout.fates)],
        "tensors": [
            {
                "name": name,
                "dtype": tensor.dtype,
                "shape": list(tensor.shape),
                "bytes": tensor.nbytes,
                "kept": name.rpartition(".")[0] not in paths,
            }
            for name, tensor in layout.tensors.items()
        ],
    }


def _module(fate: dict[str, Any]) -> dict[str, Any]:
    """A fate as one flat object: bits, group size and mode are null where the module is kept as floats."""
    packed = fate.pop("quantization") or {"bits": None, "group_size": None, "mode": None}
    return {**fate, **packed, "kept": packed["bits"] is None or fate["from_source"]}


# ------------------------------------------------------------------ recipes on a Mac


def fit_lines(place: str, context: int, room: WorkingSet, fits: tuple[Fit, ...]) -> Iterator[Table | str]:
    """Which recipes run, best first, then the line to paste."""
    table = _table(
        f"{place} with {context:,} tokens in {room.bytes / GIB:.1f} GiB, what Metal gives a "
        f"{room.memory / GIB:g} GB Mac"
    )
    table.add_column("recipe", no_wrap=True)
    for name in ("bits/weight", "weights", "cache", "headroom", "needs"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for fit in fits:
        parts = [size(amount) for amount in (fit.bytes, fit.cache, fit.headroom, fit.needed)]
        verdict = f"runs, {size(fit.spare) if fit.spare else 'nothing'} spare" if fit.fits else "too large"
        table.add_row(*map(escape, (fit.recipe, f"{fit.bits_per_weight:.3f}", *parts, verdict)))
    yield table
    yield ""
    for note in dict.fromkeys((*room.notes, *(note for fit in fits for note in fit.notes))):
        yield escape(f"note: {note}")
    line = paste(place, fits)
    yield line if line else _too_large(room, fits)


def _too_large(room: WorkingSet, fits: tuple[Fit, ...]) -> str:
    nearest = fits[0]
    if nearest.needed > room.memory * 0.9:
        return f"None runs: the smallest, {nearest.recipe}, needs {size(nearest.needed)}."
    return (
        f"None runs as macOS is set. {nearest.recipe} needs {size(nearest.needed)}; until the next restart "
        f"this allows it: {raising(nearest.needed)}"
    )


def fit_json(place: str, context: int, room: WorkingSet, fits: tuple[Fit, ...]) -> dict[str, Any]:
    return {
        "model": place,
        "context": context,
        "working_set": to_json(room),
        "fits": [to_json(fit) for fit in fits],
        "best": next((fit.recipe for fit in fits if fit.fits), None),
        "paste": paste(place, fits),
    }


def _table(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", box=None, pad_edge=False)
