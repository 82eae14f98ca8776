"""YAML files to records; mistakes read `watchlist.yaml:12: what is wrong; what is meant`.

The record decides what a scalar is: `revision: 1234567` is text where text is
wanted, a number where a number is; where a list of words is wanted, one word is a list of one. A custom
type takes part by a class method `parse(text)` that raises ValueError("what is wrong; what is meant").
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from bot import yaml_types as types
from bot.errors import ConfigError
from bot.yaml_nodes import MAX_BYTES, Mapping, Node, Scalar, Sequence, shown, tree, wrong
from bot.yaml_types import Place

R = TypeVar("R", bound=msgspec.Struct)
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "date": "a date",
    "array": "a list (lines that start with -, or [a, b])",
    "object": "a block of `key: value` lines",
    "null": "nothing",
}
"""msgspec's names of types, and what they are in YAML."""
_LIMITS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


class Document:
    """A YAML document and its lines."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        self.root = tree(data, name)

    def to(self, kind: type[R]) -> R:
        """The document as that record. Raises ConfigError for unknown keys and for every value it refuses."""
        value = self._value(self.root, types.members(inspect.type_info(kind)))
        try:
            return msgspec.convert(value, kind, dec_hook=_parse)
        except msgspec.ValidationError as error:
            place, text = _place(str(error))
            worded = self._worded(text, kind, place)
            raise self.error(
                place, f"one of its values: {worded}" if "[...]" in str(error) else worded
            ) from None

    def error(self, place: Place, text: str) -> ConfigError:
        """A ConfigError about the value at `place` (or the nearest one above it that is there)."""
        line, key = self._found(place)
        return wrong(self.name, line, f"{shown(key)}: {text}" if key else text)

    def line(self, place: Place) -> int:
        """The line of the value at `place`, or of the nearest one above it that is there."""
        return self._found(place)[0]

    def has(self, place: Place) -> bool:
        """Whether something stands at `place`."""
        return self._at(place) is not None

    def _found(self, place: Place) -> tuple[int, str]:
        line, node, key = self.root.line, self.root, ""
        for step in place:
            if isinstance(node, Mapping) and step in node.entries:
                line, node, key = node.lines[str(step)], node.entries[str(step)], str(step)
                line = node.line if isinstance(node, Scalar) else line
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
                node, key = node.items[step], f"{key}[{step}]"
                line = node.line
            else:
                break
        return line, key

    def _at(self, place: Place) -> Node | None:
        node: Node | None = self.root
        for step in place:
            if isinstance(node, Mapping):
                node = node.entries.get(str(step))
            elif isinstance(node, Sequence) and isinstance(step, int):
                node = node.items[step] if step < len(node.items) else None
        return node

    # -------------------------------------------------------- nodes to values

    def _value(self, node: Node, wanted: list[inspect.Type]) -> Any:
        """Plain values for msgspec, unknown keys refused on the way."""
        if isinstance(node, Scalar):
            one = types.alone(wanted) if node.quoted or node.text not in types.NOTHING else None
            return types.scalar(node, wanted) if one is None else [types.scalar(node, one)]
        if isinstance(node, Sequence):
            return [self._value(item, types.items(wanted, at)) for at, item in enumerate(node.items)]
        fields = types.fields(wanted)
        if fields is None:
            return {key: self._value(child, types.values(wanted)) for key, child in node.entries.items()}
        for key in node.entries:
            if key not in fields:
                raise wrong(self.name, node.lines[key], _unknown(key, list(fields)))
        return {key: self._value(child, types.members(fields[key])) for key, child in node.entries.items()}

    # -------------------------------------------------------- msgspec's words to ours

    def _worded(self, text: str, kind: type[msgspec.Struct], place: Place) -> str:
        node = self._at(place)
        if found := re.fullmatch(r"Expected `([^`]+)`, got `[^`]+`", text):
            words = [_WORDS.get(name, name) for name in found[1].split(" | ") if name != "null"]
            literals = types.literals(types.type_at(kind, place))
            words = [f"one of {_listed(literals)}" if w == "text" and literals else w for w in words]
            return f"{_shown(node)}; write {' or '.join(words)}"
        if text.startswith("Invalid enum value"):
            choices = types.literals(types.type_at(kind, place))
            return f"{_shown(node)}; {_nearest(_text_of(node), choices) or f'write {_listed(choices)}'}"
        if found := re.fullmatch(r"Expected `([^`]+)`( of length)? ([<>]=?) ([\d.]+)", text):
            most = _LIMITS[found[3]]
            if not found[2]:
                return f"{_shown(node)}; write {_WORDS[found[1]]} of {most} {found[4]}"
            return f"it has {_length(node)}; write {most} {found[4]}"
        if found := re.fullmatch(r"Object missing required field `(.+)`", text):
            return f"`{found[1]}` is missing here; add a line `{found[1]}: …`"
        if "encoded date" in text:
            return f"{_shown(node)}, which is no date; write year-month-day, such as 2026-11-21"
        return text


def load(path: Path, kind: type[R]) -> R:
    """The file as that record. Raises ConfigError: `file:line: what is wrong; what is meant`."""
    return read(path).to(kind)


def read(path: Path) -> Document:
    """The file, parsed but not yet understood. Raises ConfigError when it cannot be read or is no YAML."""
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path} cannot be read (it is no file): mend its path")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path} is not there: give its path, or write one") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): mend its path or permissions") from None
    return Document(data, str(path))


def _parse(kind: type[Any], value: Any) -> Any:
    """msgspec's hook for custom types."""
    if value is None:
        raise ValueError("it is empty; write its value behind the colon, or take the line out")
    if not isinstance(value, str):
        raise ValueError("a single value is wanted here; write it behind the colon")
    return kind.parse(value)


# ------------------------------------------------------------------ words


def _place(message: str) -> tuple[Place, str]:
    """msgspec's "text - at `$.repos[0].recipes[1]`" in two parts."""
    found = re.fullmatch(r"(?s)(.*?) - at `(?:key` in `)?\$([^`]*)`", message)
    if not found:
        return (), message
    steps = re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", found[2])
    return tuple(name if name else int(position) for name, position in steps), found[1]


def _shown(node: Node | None) -> str:
    if isinstance(node, Scalar):
        return f"it is {node.text[:60]!r}" if node.text or node.quoted else "it is empty"
    return "it is a list" if isinstance(node, Sequence) else "it is a block of `key: value` lines"


def _length(node: Node | None) -> str:
    if isinstance(node, Scalar):
        return f"{len(node.text)} characters"
    items = len(node.items) if isinstance(node, Sequence) else 0
    return f"{items} items" if items else "no item"


def _text_of(node: Node | None) -> str:
    return node.text[:60] if isinstance(node, Scalar) else ""


def _listed(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _nearest(word: str, known: list[str]) -> str:
    if word.isdigit():
        return ""
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""


def _unknown(key: str, known: list[str]) -> str:
    meant = _nearest(key[:60], known) or f"it may be {_listed(known)}"
    return f"there is no key `{shown(key)}` here; {meant}"
