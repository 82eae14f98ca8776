"""A person's own recipe, one YAML file, read so that every mistake has its line.

    about: qx64-hi, with all of the first two layers at 8 bits.
    like: qx64-hi              # the rules of this built-in recipe follow those here
    rules:
      - role: first layers
        pattern: ''            # searched in the module's path; '' is in every path
        layers: {first: 2}
        bits: 8

The form is that of `rules/`, but for its placeholders: widths are numbers, and no letters of a name choose
among the rules. What no rule decides about stays a float. Routers, which decide where a token goes, have
8 bits at least unless a rule with the role `router` says otherwise. The file's name is the recipe's.
"""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import UNSET
from msgspec.structs import replace

from bot import yaml_lines
from bot.recipes.names import all_names, parse
from bot.recipes.own import OwnFile, OwnRule, listed
from bot.recipes.recipe import FIXED_MODES, GROUP_SIZES, decide
from bot.records import Quantization, Recipe, Rule
from bot.yaml_lines import Document
from bot.yaml_nodes import wrong

SUFFIX = ".yaml"
NAME_LENGTH = 40
"""Characters; the Hub allows 96 for `<Base>-<recipe>-mlx`."""

_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_LIKE_BUILT_IN = re.compile(r"(qx?\d+[a-z]{0,2}|(mx|nv)?fp\d+|bf\d+|int\d+)(-hi)?")
"""What a reader would take for a name of the built-in grammar, or for a number format."""

_ROUTERS = ("mlp.gate", "feed_forward.gate", "mlp.router", "block_sparse_moe.gate")
"""What mlx-lm's models call them."""

_EVERYTHING = ("", ".", ".*", "^")


def read_recipe(path: Path) -> Recipe:
    """The recipe in that file. Raises ConfigError: `recipes/mine.yaml:12: what is wrong; what to do`."""
    if said := mistaken_name(path):
        raise wrong(str(path), 1, said)
    return of_document(yaml_lines.read(path), path.stem)


def of_document(document: Document, name: str) -> Recipe:
    """The recipe `name` in a YAML document. Raises ConfigError with its line."""
    file = document.to(OwnFile)
    like = None if file.like is UNSET else parse(file.like)
    if not file.rules and (like is None or file.dtype is file.requantize is UNSET):
        raise document.error(("rules",), "it has no rules; write at least one (the README shows some)")
    _refuse_unasked(document, file)
    group_size = like.default.group_size if like and like.default and like.default.mode == "affine" else 64
    rules = tuple(_rule(document, at, line, group_size) for at, line in enumerate(file.rules))
    recipe = Recipe(
        name=name,
        rules=(*rules, *(like.rules if like else ())),
        dtype=file.dtype or (like.dtype if like else None),
        requantize=(like.requantize if like else False) if file.requantize is UNSET else file.requantize,
        about=" ".join(file.about.split()),
    )
    return recipe if any(rule.role == "router" for rule in rules) else _with_routers(recipe, group_size)


def _with_routers(recipe: Recipe, group_size: int) -> Recipe:
    """With the built-in rule for routers before all others, where one of them would get fewer than 8 bits."""
    given = (
        decide(recipe, f"model.layers.{n}.{gate}", n, 100, 4096) for gate in _ROUTERS for n in range(100)
    )
    if all(width is None or width.bits >= 8 for width in given):
        return recipe
    router = parse("q8-hi" if group_size == 32 else "q8").rules[0]
    return replace(recipe, rules=(router, *recipe.rules))


def mistaken_name(path: Path) -> str | None:
    """What is wrong with the file's name, which is the recipe's."""
    name = path.stem
    if path.suffix != SUFFIX:
        return f"a recipe's file ends in {SUFFIX}; rename it to {name}{SUFFIX}"
    if len(name) > NAME_LENGTH or not _NAME.fullmatch(name):
        return (
            f"{name[:60]!r} is no name for a recipe; take small letters and digits, with - and . between "
            f"them, at most {NAME_LENGTH}, such as my-recipe{SUFFIX}"
        )
    if name in all_names():
        return f"that name is the built-in recipe's; call yours something else, such as my-{name}{SUFFIX}"
    if _LIKE_BUILT_IN.fullmatch(name):
        return (
            f"{name!r} looks like a built-in recipe and is none; call yours something else, such as "
            f"my-{name}{SUFFIX}"
        )
    if name == "mlx" or name.endswith("-mlx"):
        return f"{name!r} ends in -mlx, as every repo's name does behind the recipe's; leave it out"
    return None


def _refuse_unasked(document: Document, file: OwnFile) -> None:
    """Nothing stands behind a rule that takes everything."""
    everything = next((at for at, rule in enumerate(file.rules) if _takes_everything(rule)), None)
    if everything is None:
        return
    line = document.line(("rules", everything))
    if everything + 1 < len(file.rules):
        raise document.error(
            ("rules", everything + 1),
            f"this rule is never asked, the one in line {line} takes everything; move it above that",
        )
    if file.like is not UNSET:
        raise document.error(
            ("like",), f"{file.like} is never asked, the rule in line {line} takes everything; take one out"
        )


def _takes_everything(rule: OwnRule) -> bool:
    always = rule.layers is UNSET or rule.otherwise is not UNSET
    return rule.pattern in _EVERYTHING and always and rule.tied is UNSET


def _rule(document: Document, at: int, line: OwnRule, group_size: int) -> Rule:
    stored = {key: getattr(line, key) for key in ("bits", "otherwise")}
    if line.otherwise is not UNSET and line.layers is UNSET:
        raise document.error(
            ("rules", at, "otherwise"), "it is for the layers that `layers` leaves out; add `layers`"
        )
    for key in ("group_size", "mode"):
        if all(width is UNSET for width in stored.values()) and document.has(("rules", at, key)):
            raise document.error(("rules", at, key), "a float has none; add `bits`, or take this out")
    widths = {key: _quantization(document, at, line, key, group_size) for key in stored}
    return Rule(
        role=str(line.role),
        pattern=str(line.pattern),
        wanted=widths["bits"],
        otherwise=widths["otherwise"],
        layers=None if line.layers is UNSET else line.layers.layers(),
        tied=None if line.tied is UNSET else line.tied,
        required=line.required,
    )


def _quantization(
    document: Document, at: int, line: OwnRule, key: str, group_size: int
) -> Quantization | None:
    """What MLX can store under `key` (`bits` or `otherwise`)."""
    bits = getattr(line, key)
    if bits is UNSET:
        return None
    fixed = FIXED_MODES.get(line.mode)
    if fixed and bits != fixed[0]:
        raise document.error(("rules", at, key), f"{line.mode} has {fixed[0]} bits; write {fixed[0]}")
    sizes = (fixed[1],) if fixed else GROUP_SIZES
    group = line.group_size or (fixed[1] if fixed else group_size)
    if group not in sizes:
        raise document.error(
            ("rules", at, "group_size"), f"{line.mode} has no groups of {group}; write {listed(sizes)}"
        )
    return Quantization(bits=int(bits), group_size=int(group), mode=line.mode)
