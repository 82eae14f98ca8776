"""What changed between two revisions of a base, from their file lists and hashes alone."""

from __future__ import annotations

import re

from bot.records import BaseRevision, ChangeKind

_BY_PATH: tuple[tuple[ChangeKind, re.Pattern[str]], ...] = (
    ("license", re.compile(r"(licen[cs]e|notice|use_policy|copying)[^/]*", re.I)),
    ("card", re.compile(r"readme\.md", re.I)),
    ("generation_config", re.compile(r"generation_config\.json")),
    (
        "tokenizer",
        re.compile(
            r"tokenizer[^/]*|chat_template[^/]*|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|"
            r"merges\.txt|spiece\.model|[^/]*\.tiktoken|additional_chat_templates/.*"
        ),
    ),
    # config.json and the processors say how the weights are read, so a quant carries them too.
    (
        "weights",
        re.compile(
            r"config\.json|[^/]*processor_config\.json|[^/]*\.(safetensors|safetensors\.index\.json|bin)"
        ),
    ),
)
"""The first pattern that fits a path says what a change of that file means; subfolders hold no weights."""

_BY_WEIGHT: tuple[ChangeKind, ...] = ("license", "weights", "tokenizer", "generation_config", "card")
"""When several things changed, the one with the most work behind it names the change."""


def kind_of_file(path: str) -> ChangeKind:
    """What a change of this file means."""
    return next((kind for kind, pattern in _BY_PATH if pattern.fullmatch(path)), "other")


def changed_files(before: BaseRevision, after: BaseRevision) -> frozenset[str]:
    """Paths that were added, removed, or hold something else now."""
    old = {(f.path, f.sha256 or f.oid, f.size) for f in before.files}
    new = {(f.path, f.sha256 or f.oid, f.size) for f in after.files}
    return frozenset(path for path, _, _ in old ^ new)


def classify(before: BaseRevision | None, after: BaseRevision) -> ChangeKind:
    """Why a new revision matters. `before` None: the base is new here."""
    if before is None:
        return "new"
    terms = [(r.license, r.license_name, r.license_link, r.gated) for r in (before, after)]
    kinds = {kind_of_file(path) for path in changed_files(before, after)}
    if terms[0] != terms[1]:
        kinds.add("license")
    return next((kind for kind in _BY_WEIGHT if kind in kinds), "other")
