"""A recipe as the text of a file that people read, argue about and edit: the inverse of reading one."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.errors import HostError, UsageError
from bot.recipes.files import mistaken_name
from bot.records import Layers, Quantization, Recipe, Rule

_WIDTH = 108


def write_recipe(path: Path, text: str, *, force: bool) -> None:
    """Write a recipe's file, whole or not at all, making its folder.

    Raises UsageError for a name that no recipe may have, and, without `force`, for a file that is there
    already and says something else; HostError where it cannot be written.
    """
    if said := mistaken_name(path):
        raise UsageError(f"{path}: {said}; --name gives another")
    if path.exists() and not force and path.read_text("utf-8", "replace") != text:
        raise UsageError(f"{path} is there already and says something else: --force, or another --name")
    growing = path.with_name(f".{path.name}.growing")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        growing.write_text(text, "utf-8")
        growing.replace(path)
    except OSError as error:
        raise HostError(f"{path} cannot be written ({error.strerror}): mend its folder, or --out") from error


def recipe_file(recipe: Recipe, comments: Iterable[str]) -> str:
    """YAML of the recipe under its comments (a line each, long ones wrapped); the name is the file's.

    Widths stand as numbers. Characters that are not printable are left out of comments and `about`.
    """
    return "\n".join((*_comment(comments), *_head(recipe), "rules:", *_rules(recipe.rules)))


def _comment(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        indent = "# " + " " * (len(line) - len(line.lstrip()))
        further = f"{indent}  " if line.lstrip().startswith("- ") else indent
        wrapped = _wrapped(line, indent, further)
        yield from wrapped or ["#"]


def _head(recipe: Recipe) -> Iterator[str]:
    if recipe.about:
        yield from ("about: >-", *_wrapped(recipe.about, "  ", "  "))
    if recipe.dtype is not None:
        yield f"dtype: {recipe.dtype}"
    if recipe.requantize:
        yield "requantize: true"


def _wrapped(text: str, first: str, further: str) -> list[str]:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.wrap(
        " ".join(plain.split()),
        width=_WIDTH,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _rules(rules: Iterable[Rule]) -> Iterator[str]:
    for rule in rules:
        yield from (f"  - role: {_quoted(rule.role)}", f"    pattern: {_quoted(rule.pattern)}")
        if rule.layers is not None:
            yield f"    layers: {_layers(rule.layers)}"
        if rule.tied is not None:
            yield f"    tied: {str(rule.tied).lower()}"
        if rule.required:
            yield "    required: true"
        yield from _widths(rule.wanted, rule.otherwise)
        yield ""


def _widths(wanted: Quantization | None, otherwise: Quantization | None) -> Iterator[str]:
    stored = wanted or otherwise
    if stored is None:
        return
    if wanted is not None:
        yield f"    bits: {wanted.bits}"
    if otherwise is not None:
        yield f"    otherwise: {otherwise.bits}"
    yield f"    group_size: {stored.group_size}"
    if stored.mode != "affine":
        yield f"    mode: {stored.mode}"


def _layers(layers: Layers) -> str:
    if layers.only is not None:
        return f"{{only: [{', '.join(map(str, layers.only))}]}}"
    ends = {"first": layers.first, "last": layers.last}
    few = {key: value for key, value in ends.items() if value is not None}
    period = {"every": layers.every} | ({"offset": layers.offset} if layers.offset else {})
    return f"{{{', '.join(f'{key}: {value}' for key, value in (few or period).items())}}}"


def _quoted(text: str) -> str:
    """A single-quoted YAML scalar: nothing but the quote itself has a meaning in it."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
