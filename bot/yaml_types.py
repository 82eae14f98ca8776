"""What a record wants at a place of a YAML document, and what a scalar is there. Over msgspec's type tree."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import inspect

from bot.yaml_nodes import Scalar

Place = tuple[str | int, ...]
"""Keys and positions from the top of the document: ("repos", 0, "recipes", 1)."""

NOTHING = ("", "~", "null")
"""How YAML writes that there is nothing."""

_NUMBERS = (inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.AnyType)
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,3})?")


def members(kind: inspect.Type) -> list[inspect.Type]:
    """A union's members; any other type alone."""
    if isinstance(kind, inspect.Metadata):
        return members(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [member for part in kind.types for member in members(part)]
    return [kind]


def fields(wanted: list[inspect.Type]) -> dict[str, inspect.Type] | None:
    """The keys a record of these types may have, or None where any key will do."""
    struct = next((kind for kind in wanted if isinstance(kind, inspect.StructType)), None)
    return {field.encode_name: field.type for field in struct.fields} if struct else None


def items(wanted: list[inspect.Type], position: int) -> list[inspect.Type]:
    """What may stand at that position of a list."""
    for kind in wanted:
        if isinstance(kind, (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)):
            return members(kind.item_type)
        if isinstance(kind, inspect.TupleType) and position < len(kind.item_types):
            return members(kind.item_types[position])
    return [inspect.AnyType()]


def alone(wanted: list[inspect.Type]) -> list[inspect.Type] | None:
    """What one word may be that stands for a list of one, or None where a list is to be written out."""
    lists = [kind for kind in wanted if not isinstance(kind, inspect.NoneType)]
    inner = items(lists, 0)
    plain = len(lists) == 1 and isinstance(lists[0], (inspect.ListType, inspect.VarTupleType))
    return inner if plain and not any(isinstance(kind, inspect.StructType) for kind in inner) else None


def values(wanted: list[inspect.Type]) -> list[inspect.Type]:
    """What may stand behind the keys of a block whose keys are free."""
    found = next((kind for kind in wanted if isinstance(kind, inspect.DictType)), None)
    return members(found.value_type) if found else [inspect.AnyType()]


def type_at(kind: type[msgspec.Struct], place: Place) -> list[inspect.Type]:
    """What the record wants at that place."""
    wanted = members(inspect.type_info(kind))
    for step in place:
        if isinstance(step, int):
            wanted = items(wanted, step)
        else:
            wanted = members((fields(wanted) or {}).get(step) or inspect.AnyType())
    return wanted


def literals(wanted: list[inspect.Type]) -> list[str]:
    """The words that may be chosen from."""
    return [str(v) for kind in wanted if isinstance(kind, inspect.LiteralType) for v in kind.values]


def scalar(node: Scalar, wanted: list[inspect.Type]) -> Any:
    """None, bool, int and float as YAML 1.2's core schema has them, and only where one is wanted."""
    if node.quoted:
        return node.text
    if node.text in NOTHING:
        return None
    numeric = any(
        isinstance(kind, _NUMBERS)
        or (isinstance(kind, inspect.LiteralType) and not all(isinstance(v, str) for v in kind.values))
        for kind in wanted
    )
    if not numeric:
        return node.text
    if node.text in ("true", "false"):
        return node.text == "true"
    if _INTEGER.fullmatch(node.text):
        return int(node.text)
    return float(node.text) if _FLOAT.fullmatch(node.text) else node.text
