"""A card's front matter: read as the Hub reads it, checked as its validate-yaml does, made into tags.

Reference: the model card metadata page of the Hub's documentation and
`huggingface_hub.repocard_data`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

_FRONT = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)(?:\r?\n)?---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z0-9]+)*")
_SPECIAL_LANGUAGES = ("code", "multilingual")
_REPO = re.compile(r"[\w.-]+(?:/[\w.-]+)?")
RELATIONS = ("adapter", "merge", "quantized", "finetune")
LICENSES = frozenset(Path(__file__).with_name("licenses.txt").read_text().split())
"""The identifiers the Hub's documentation lists."""


class _CardLoader(yaml.SafeLoader):
    """YAML 1.2 as the Hub reads it: `no` is Norwegian, not false, and a date stays text."""


_CardLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_CardLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"true|false|True|False"), list("tfTF")
)


def front_matter(card: str) -> dict[str, Any] | None:
    """The metadata at the top of a README, None without any. Raises ValueError for bad YAML or no mapping."""
    match = _FRONT.match(card)
    if match is None:
        return None
    try:
        data = yaml.load(match[1], _CardLoader)  # noqa: S506  a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(f"the metadata is no YAML: {' '.join(str(error).split())}") from None
    if data is not None and not isinstance(data, dict):
        raise ValueError("the metadata is no mapping of names to values")
    return data or None


def body(card: str) -> str:
    """The README without its metadata."""
    return _FRONT.sub("", card, count=1)


def card_data(card: str) -> dict[str, Any] | None:
    """`front_matter`, None where it is broken: what repo info shows."""
    try:
        return front_matter(card)
    except ValueError:
        return None


def validate(card: str) -> tuple[list[str], list[str]]:
    """(errors, warnings) of a README's metadata; with errors the Hub refuses the commit."""
    try:
        data = front_matter(card)
    except ValueError as error:
        return [str(error)], []
    if not data:
        return [], ["empty or missing yaml metadata in repo card"]
    errors = [*_license_errors(data), *_base_model_errors(data)]
    if not isinstance(data.get("tags", []), (list, type(None))):
        errors.append('"tags" must be an array')
    warnings = []
    for place, code in enumerate(as_list(data.get("language"))):
        if code != code.lower():
            errors.append(f'"language[{place}]" must only contain lowercase characters')
        elif not _LANGUAGE.fullmatch(code) and code not in _SPECIAL_LANGUAGES:
            warnings.append(f'"language[{place}]" with value "{code}" is not valid: use an ISO 639 code')
    return errors, warnings


def _license_errors(data: dict[str, Any]) -> list[str]:
    unknown = [name for name in as_list(data.get("license")) if name not in LICENSES]
    return [f'"license" must be one of the Hub\'s identifiers (or other), not "{name}"' for name in unknown]


def _base_model_errors(data: dict[str, Any]) -> list[str]:
    errors = [
        f'"base_model" with value "{name}" is not valid. Use a model id.'
        for name in as_list(data.get("base_model"))
        if not _REPO.fullmatch(name)
    ]
    relation = data.get("base_model_relation")
    if relation is not None and relation not in RELATIONS:
        errors.append(f'"base_model_relation" must be one of [{", ".join(RELATIONS)}]')
    return errors


def as_list(value: Any) -> list[str]:
    """A metadata value that may be one text or a list of them, as a list of texts."""
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def tags(kind: str, card: dict[str, Any], config: dict[str, Any], files: list[str]) -> list[str]:
    """The tags the Hub derives, in its order, each once."""
    found: list[str] = []
    if kind == "model":
        found += as_list(library(card, config))
        found += ["safetensors"] if any(f.endswith(".safetensors") for f in files) else []
        found += as_list(config.get("model_type"))
    found += as_list(card.get("tags"))
    if kind == "model":
        found += as_list(pipeline_tag(card, config))
        found += ["conversational"] if config.get("tokenizer_config", {}).get("chat_template") else []
    else:
        found += [f"task_categories:{name}" for name in as_list(card.get("task_categories"))]
        found += [f"size_categories:{name}" for name in as_list(card.get("size_categories"))]
    prefix = "language:" if kind == "dataset" else ""
    found += [prefix + name for name in as_list(card.get("language"))]
    found += [f"dataset:{name}" for name in as_list(card.get("datasets"))]
    found += _base_model_tags(card, config)
    found += [f"license:{name}" for name in as_list(card.get("license"))]
    return list(dict.fromkeys([*found, "region:us"]))


def _base_model_tags(card: dict[str, Any], config: dict[str, Any]) -> list[str]:
    bases = as_list(card.get("base_model"))
    relation = card.get("base_model_relation") or (
        "quantized" if "quantization_config" in config else "finetune"
    )
    return [f"base_model:{b}" for b in bases] + [f"base_model:{relation}:{b}" for b in bases]


def library(card: dict[str, Any], config: dict[str, Any]) -> str | None:
    """The card's library, else transformers where config.json names an architecture."""
    return card.get("library_name") or ("transformers" if config.get("architectures") else None)


def pipeline_tag(card: dict[str, Any], config: dict[str, Any]) -> str | None:
    """The card's pipeline tag, else what the architecture's name says."""
    if card.get("pipeline_tag"):
        return str(card["pipeline_tag"])
    names = config.get("architectures") or [""]
    if names[0].endswith("ForCausalLM"):
        return "text-generation"
    return "image-text-to-text" if names[0].endswith("ForConditionalGeneration") else None
