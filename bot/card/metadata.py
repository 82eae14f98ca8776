"""The card's YAML metadata, through huggingface_hub's own card class.

What each field may hold: https://huggingface.co/docs/hub/model-cards#model-card-metadata.
Upstream values of another form are left out, so that a hostile field cannot
make the Hub refuse the whole card.
"""

from __future__ import annotations

import re

from huggingface_hub import ModelCardData

from bot.card.facts import CardFacts
from bot.card.markdown import clean
from bot.records import BaseRevision

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*|code|multilingual")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9._+-]{0,63}", re.IGNORECASE)
_LINK = re.compile(r"https?://[^\s<>\"'`]+|[A-Za-z0-9][A-Za-z0-9._/-]*")
_MAX_TAG = 100
_OTHER_FORMATS = frozenset({"gguf", "gptq", "awq", "exl2", "exl3", "onnx", "openvino", "fp8"})
"""Tags that say how the base's files are stored, which is not true of the quant."""


def metadata(facts: CardFacts) -> str:
    """The YAML block's text, without its `---` lines."""
    base = facts.base
    data = ModelCardData(
        license=_identifier(base.license),
        license_name=_short(base.license_name),
        license_link=_license_link(base.license_link),
        language=[code for code in base.language if _LANGUAGE.fullmatch(code)] or None,
        library_name="mlx",
        pipeline_tag=_pipeline_tag(facts),
        base_model=clean(base.repo).strip(),
        base_model_relation="quantized",
        tags=tags(base, facts.rehearsal),
    )
    return data.to_yaml()


def tags(base: BaseRevision, rehearsal: bool) -> list[str]:
    """The base's tags, then `mlx`; a rehearsal says so in a tag as well. Each once."""
    upstream = [clean(tag).strip() for tag in base.tags]
    kept = [tag for tag in upstream if 0 < len(tag) <= _MAX_TAG and tag.lower() not in _OTHER_FORMATS]
    ours = ["mlx", "rehearsal"] if rehearsal else ["mlx"]
    return list(dict.fromkeys([tag for tag in kept if tag not in ours] + ours))


def _pipeline_tag(facts: CardFacts) -> str:
    """The base's, unless the vision part was left out or it names none: then text generation."""
    if facts.text_only:
        return "text-generation"
    return _identifier(facts.base.pipeline_tag) or "text-generation"


def _identifier(value: str | None) -> str | None:
    return value if value and _IDENTIFIER.fullmatch(value) else None


def _short(value: str | None) -> str | None:
    return clean(value)[:_MAX_TAG].strip() or None if value else None


def _license_link(value: str | None) -> str | None:
    return value if value and len(value) <= 300 and _LINK.fullmatch(value) else None
