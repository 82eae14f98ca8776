"""Recipe files read back by hand, line for line, so that a test does not trust the reader it checks."""

from __future__ import annotations

import msgspec
import yaml

from bot.recipes.names import RuleFile, RuleLine
from bot.records import Quantization, Recipe, Rule


def read_back(text: str, name: str) -> Recipe:
    """The recipe called `name` that a file of literal widths holds."""
    document = yaml.safe_load(text)
    about = document.pop("about", "")
    file = msgspec.convert(document, RuleFile)
    return Recipe(
        name=name,
        rules=tuple(rule_of(line) for line in file.rules),
        dtype=file.dtype,
        requantize=file.requantize,
        about=about,
    )


def rule_of(line: RuleLine) -> Rule:
    def stored_at(bits: int | str | None) -> Quantization | None:
        if bits is None:
            return None
        return msgspec.convert(
            {"bits": bits, "group_size": line.group_size, "mode": line.mode}, Quantization, strict=True
        )

    return Rule(
        role=line.role,
        pattern=line.pattern,
        wanted=stored_at(line.bits),
        otherwise=stored_at(line.otherwise),
        layers=line.layers,
        tied=line.tied,
        required=line.required,
    )
