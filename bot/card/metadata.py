"""The card's YAML metadata, through huggingface_hub's own card class.

What each field may hold: https://huggingface.co/docs/hub/model-cards#model-card-metadata.
Upstream values of another form are left out, so that a hostile field cannot
make the Hub refuse the whole card.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from huggingface_hub import ModelCardData
from msgspec import structs

from bot.card.facts import Facts, Metadata
from bot.card.markdown import clean
from bot.hub.metadata import LICENSES

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*|code|multilingual")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9._+-]{0,63}", re.IGNORECASE)
_LINK = re.compile(r"https?://[^\s<>\"'`]+|[A-Za-z0-9][A-Za-z0-9._/-]*")
_REPO = re.compile(r"[A-Za-z0-9_.-]{1,96}/[A-Za-z0-9_.-]{1,96}")
_MAX_TAG = 100
_OTHER_FORMATS = frozenset({"gguf", "gptq", "awq", "exl2", "exl3", "onnx", "openvino", "fp8"})
"""Tags that say how the base's files are stored, which is not true of the quant."""


def metadata(facts: Facts) -> str:
    """The YAML block's text, without its `---` lines. What the facts do not know is left out."""
    known = upstream(facts)
    data = ModelCardData(
        license=_license(known),
        license_name=_license_name(known),
        license_link=_license_link(known.license_link),
        language=_languages(known.language or ()) or None,
        library_name="mlx",
        pipeline_tag=pipeline_tag(facts),
        base_model=_repo(facts.base_model),
        base_model_relation="quantized",
        tags=tags(known.tags or (), facts.rehearsal),
        new_version=_repo(facts.new_version),
    )
    return data.to_yaml()


def upstream(facts: Facts) -> Metadata:
    """What the base's own card says, unless the facts say it themselves."""
    if facts.measured is None:
        return facts.metadata
    base = facts.measured.base
    known = {name: getattr(base, name) for name in Metadata.__struct_fields__ if hasattr(base, name)}
    own = {name: value for name, value in structs.asdict(facts.metadata).items() if value is not None}
    return Metadata(**{**known, **own})


def tags(upstream: Sequence[str], rehearsal: bool) -> list[str]:
    """The base's tags, then `mlx`; a rehearsal says so in a tag as well. Each once."""
    cleaned = [_plain(tag).strip() for tag in upstream]
    kept = [tag for tag in cleaned if 0 < len(tag) <= _MAX_TAG and tag.lower() not in _OTHER_FORMATS]
    ours = ["mlx", "rehearsal"] if rehearsal else ["mlx"]
    return list(dict.fromkeys([tag for tag in kept if tag not in ours] + ours))


def pipeline_tag(facts: Facts) -> str:
    """The base's; by the architecture's name where it gives none; text generation without vision part."""
    if facts.text_only:
        return "text-generation"
    by_name = "image-text-to-text" if "_vl" in (facts.architecture or "") else "text-generation"
    return _identifier(upstream(facts).pipeline_tag) or by_name


def sees(facts: Facts) -> bool:
    """Whether the quant answers questions about pictures."""
    return pipeline_tag(facts) == "image-text-to-text"


def _repo(value: str | None) -> str | None:
    return value if value and _REPO.fullmatch(value) else None


def _license(known: Metadata) -> str | None:
    """One of the Hub's identifiers; what is none of them is `other`, with its own name beside it."""
    value = _identifier(known.license)
    return "other" if value and value.lower() not in LICENSES else value and value.lower()


def _license_name(known: Metadata) -> str | None:
    own = _identifier(known.license)
    return _short(known.license_name) or (own if _license(known) == "other" and own != "other" else None)


def _languages(codes: Sequence[str]) -> list[str]:
    """Codes in lower case, as the Hub wants them (zh-hans), each once."""
    return list(dict.fromkeys(code.lower() for code in codes if _LANGUAGE.fullmatch(code)))


def _identifier(value: str | None) -> str | None:
    return value if value and _IDENTIFIER.fullmatch(value) else None


def _short(value: str | None) -> str | None:
    return _plain(value)[:_MAX_TAG].strip() or None if value else None


def _plain(value: object) -> str:
    """On one line, and without what ends a metadata block for readers that want no line break before it."""
    return re.sub(r"-{3,}", "--", clean(value))


def _license_link(value: str | None) -> str | None:
    return value if value and len(value) <= 300 and _LINK.fullmatch(value) else None
