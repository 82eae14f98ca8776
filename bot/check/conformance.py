"""Is a quant what it should be? Pure: every difference between `Expected` and `Found`, in a sentence.

Holds for anybody's quant. The quantizer asks before it calls its own finished, `bot check` for any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.check import config_rules, repo_rules, tensor_rules
from bot.check.findings import Expected, Finding, Found, Kind, Remark

RULES: tuple[Callable[[Expected, Found], Iterable[Finding]], ...] = (
    tensor_rules.files,
    tensor_rules.bits,  # before the modules that explain it
    tensor_rules.inventory,
    tensor_rules.twice,
    tensor_rules.loading,
    config_rules.quantization,
    config_rules.changed,
    config_rules.generation,
    repo_rules.tokenizer,
    repo_rules.files,
    repo_rules.license_,
    repo_rules.base_model,
    repo_rules.name,
)
"""In the order in which findings are told."""

EXPLAINED: dict[Kind, tuple[Kind, ...]] = {
    "loading": ("missing", "extra", "shape", "config", "senses"),
    "bits": ("missing", "shape", "senses"),
}
"""Findings that go without saying beside others, which tell more plainly what is wrong."""


def findings(expected: Expected, found: Found) -> tuple[Finding, ...]:
    """All that is to be said, remarks among it; nothing of a quant that conforms in every way."""
    said = [finding for rule in RULES for finding in rule(expected, found)]
    wrong = {finding.kind for finding in said if not isinstance(finding, Remark)}
    return tuple(finding for finding in said if not wrong & {*EXPLAINED.get(finding.kind, ())})


def violations(expected: Expected, found: Found) -> tuple[Finding, ...]:
    """Every way in which `found` is not `expected`; empty when the quant conforms."""
    return tuple(f for f in findings(expected, found) if not isinstance(f, Remark))


def remarks(expected: Expected, found: Found) -> tuple[Finding, ...]:
    """What is worth knowing and not wrong."""
    return tuple(f for f in findings(expected, found) if isinstance(f, Remark))
