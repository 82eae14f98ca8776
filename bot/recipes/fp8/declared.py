"""What the configuration of a quantized release says it left alone, in the forms that quantizers write.

| who writes it | where it stands | an entry is |
|---|---|---|
| transformers `fp8` (DeepSeek, Qwen, Mistral), `fbgemm_fp8` (Meta) | `modules_to_not_convert` | a path, the start or end of one, a regular expression |
| vLLM's `fp8` (MiniMax) | `ignored_layers` | the same |
| compressed-tensors (llm-compressor, RedHatAI, GLM) | `ignore`; `config_groups.*.targets` names what is quantized | a path, `re:` and a regular expression; a class (`Linear`) |
| NVIDIA ModelOpt | `ignore` in config.json, `quantization.exclude_modules` in hf_quant_config.json; `quantized_layers` | a path, a glob with `*` |
| AMD Quark | `exclude` | a path, a glob |
| torchao | `module_fqn_to_config`: null leaves the module alone | a path, `re:` |

Sources: transformers `quantizers_utils.should_convert_module` and `utils/quantization_config.py`; vLLM
`model_executor/layers/quantization/{fp8,modelopt,compressed_tensors/utils,torchao}.py`.
"""  # noqa: E501  a table

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from fnmatch import translate
from typing import Any

import regex  # type: ignore[import-untyped]  # unlike `re` it can be given a time limit

from bot.errors import UnsuitableBase
from bot.records import Record

MOST_ENTRIES = 100_000
"""No real list is longer: the longest name every module of a large mixture of experts."""

PATTERN_SECONDS = 5.0
"""For all regular expressions of a release together; they come from strangers and may never end."""

_LISTS = ("modules_to_not_convert", "ignored_layers", "ignore", "exclude_modules", "exclude")
_TORCHAO = ("module_fqn_to_config", "fqn_to_config")
_CLASS = re.compile(r"[A-Z]\w*")
_WRAPPERS = re.compile(r"^(?:(?:model|language_model|text_model)\.)+")


class Declared(Record, frozen=True, kw_only=True):
    """One list: `where` it stands, what it leaves alone (`kept`), or `targets`, all that is quantized."""

    where: str
    kept: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    @property
    def entries(self) -> int:
        return len(self.kept) + len(self.targets)


class Covered(Record, frozen=True, kw_only=True):
    """Which paths a list's entries cover; `unread` are entries that are no usable pattern."""

    paths: frozenset[str]
    unread: tuple[str, ...] = ()


def declared(config: Mapping[str, Any], hf_quant: Mapping[str, Any] | None) -> tuple[Declared, ...]:
    """Every list in config.json and hf_quant_config.json, in that order; empty ones are none.

    Raises UnsuitableBase for lists longer than any real one.
    """
    found = (
        *_lists("config.json: quantization_config", stated(config)),
        *_lists("hf_quant_config.json: quantization", _mapping(hf_quant, "quantization")),
    )
    if sum(each.entries for each in found) > MOST_ENTRIES:
        raise UnsuitableBase(f"lists more than {MOST_ENTRIES} modules in its configuration, as no model does")
    return found


def method(config: Mapping[str, Any], hf_quant: Mapping[str, Any] | None) -> str:
    """What the configuration calls its quantization: `modelopt, FP8`; empty where it names none."""
    here, there = stated(config), _mapping(hf_quant, "quantization")
    said = (here.get("quant_method"), here.get("format"), here.get("quant_algo"), there.get("quant_algo"))
    return ", ".join(dict.fromkeys(text for text in said if isinstance(text, str) and text))


def stated(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """config.json's `quantization_config`: its own, or its text part's (`compression_config` is older)."""
    places = (config, _mapping(config, "text_config"))
    names = ("quantization_config", "compression_config")
    return next((found for place in places for name in names if (found := _mapping(place, name))), {})


def _lists(where: str, settings: Mapping[str, Any]) -> Iterator[Declared]:
    for key in _LISTS:
        if kept := _texts(settings.get(key)):
            yield Declared(where=f"{where}.{key}", kept=kept)
    groups = _mapping(settings, "config_groups").values()
    targets = tuple(target for group in groups for target in _texts(_mapping(group).get("targets")))
    if targets and not any(_CLASS.fullmatch(target) for target in targets):
        yield Declared(where=f"{where}.config_groups", targets=targets)
    if layers := _mapping(settings, "quantized_layers"):
        yield Declared(where=f"{where}.quantized_layers", targets=tuple(layers))
    for key in _TORCHAO:
        by_name = _mapping(settings, "quant_type", "default", "_data", key)
        if by_name.get("_default") is not None:
            kept = tuple(name for name, how in by_name.items() if how is None)
            yield Declared(where=f"{where}.quant_type", kept=kept)
        elif by_name:
            named = tuple(name for name, how in by_name.items() if how is not None)
            yield Declared(where=f"{where}.quant_type", targets=named)


def _mapping(value: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()


# ------------------------------------------------------------------ matching


def bare(path: str) -> str:
    """The path without the wrappers that releases of one model put before it or leave out."""
    return _WRAPPERS.sub("", path)


def covered(entries: Collection[str], paths: Collection[str], seconds: float = PATTERN_SECONDS) -> Covered:
    """The paths that any entry names: as a whole, by its start or end or a run of its parts, by a pattern.

    Every form is tried with and without the wrappers (`model.`, `language_model.`), which lists and
    tensors often do not share. Patterns may take `seconds` in all; then the rest of them is unread.
    """
    plain = {bare(entry.removesuffix(".weight")) for entry in entries if not _is_pattern(entry)}
    found = {path for path in paths if any(run in plain for run in _runs(bare(path)))}
    unread: list[str] = []
    deadline = time.monotonic() + seconds
    for entry in dict.fromkeys(entry for entry in entries if _is_pattern(entry)):
        try:
            matches = _matcher(entry, deadline)
            found |= {path for path in paths if path not in found and matches(path)}
        except (regex.error, TimeoutError, RecursionError):
            unread.append(entry)
    return Covered(paths=frozenset(found), unread=tuple(unread))


def _is_pattern(entry: str) -> bool:
    return entry.startswith("re:") or any(letter in entry for letter in "*?[](){}|^$\\+")


def _runs(path: str) -> Iterator[str]:
    parts = path.split(".")
    for start in range(len(parts)):
        for end in range(start + 1, len(parts) + 1):
            yield ".".join(parts[start:end])


def _matcher(entry: str, deadline: float) -> Callable[[str], bool]:
    patterns = [regex.compile(text) for text in _expressions(entry)]

    def matches(path: str) -> bool:
        return any(
            pattern.match(form, timeout=max(deadline - time.monotonic(), 1e-3))
            for pattern in patterns
            for form in (path, bare(path))
        )

    return matches


def _expressions(entry: str) -> Iterator[str]:
    if entry.startswith("re:"):
        yield entry.removeprefix("re:")
    elif any(letter in entry for letter in "(){}|^$\\+"):
        yield rf"(?:{entry})(?=\.|$)"
    else:
        for glob in dict.fromkeys((entry, bare(entry))):
            yield translate(glob)
            yield translate(f"{glob}.*")
