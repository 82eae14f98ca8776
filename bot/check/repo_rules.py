"""Findings about the other files of a quant, its tokenizer, its card and its name. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from bot.check.findings import Expected, Finding, Found, Remark
from bot.fetch.select import CODE_FORMATS

LICENSES = ("LICENSE", "LICENCE", "COPYING", "NOTICE")
PICKLES = (*CODE_FORMATS, ".pickle")
SHOWN = 24
"""Characters of a template that are shown."""


def tokenizer(expected: Expected, found: Found) -> Iterator[Finding]:
    """Token ids, rendered chats, end tokens: what the fixed set becomes, against the base's."""
    want, have = expected.tokens, found.tokens
    if want is None:
        return
    if have is None:
        yield Finding(kind="tokens", text=found.refused_tokens or "it has no tokenizer")
        return
    if want.ids != have.ids:
        differing = sum(mine != theirs for mine, theirs in zip(have.ids, want.ids, strict=False))
        text = f"{differing} of {len(want.ids)} fixed texts become other token ids than with the base"
        yield Finding(kind="tokens", text=text)
    if want.chats != have.chats:
        yield Finding(kind="template", text=_template(want.chats, have.chats))
    if want.end_ids != have.end_ids:
        text = f"an answer ends at the tokens {_ids(have.end_ids)}, the base's at {_ids(want.end_ids)}"
        yield Finding(kind="end_tokens", text=text)


def _ids(ids: tuple[int, ...]) -> str:
    return ", ".join(map(str, ids)) or "(none)"


def _template(want: tuple[str, ...], have: tuple[str, ...]) -> str:
    if not want or not have:
        return "it has a chat template, the base has none" if have else "the base's chat template is missing"
    theirs, mine = next(pair for pair in zip(want, have, strict=True) if pair[0] != pair[1])
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(theirs, mine, strict=False)))
    there, wanted = (repr(text[same : same + SHOWN]) if text[same:] else "its end" for text in (mine, theirs))
    return f"a chat is rendered otherwise from character {same} on: {there} instead of {wanted}"


def files(expected: Expected, found: Found) -> Iterator[Finding]:
    """The generation config that is missing; code, and files that can hold code."""
    config = "generation_config.json"
    if config in expected.base_files and config not in found.files:
        yield Finding(kind="generation", where=config, text="the base has it and it is missing")
    for path in found.files:
        if path.endswith(".py"):
            yield Finding(kind="code", where=path, text="it is code")
        elif path.endswith(PICKLES):
            yield Finding(kind="code", where=path, text="files of this format can run code")
    for key in ("auto_map", "model_file"):
        if found.config.get(key):
            yield Finding(kind="code", where="config.json", text=f"{key} asks to run code of the repo")


def license_(expected: Expected, found: Found) -> Iterator[Finding]:
    """The base's license: its text, or at least its name in README.md."""
    has = found.card.license if found.card else ""
    missing = [
        path
        for path in expected.base_files
        if path.upper().startswith(LICENSES) and "/" not in path and path not in found.files
    ]
    for path in missing:
        if has:
            text = "the base has it and it is missing; README.md names the license"
            yield Remark(kind="license", where=path, text=text)
        else:
            yield Finding(kind="license", where=path, text="the base has it and it is missing")
    wanted = expected.card.license if expected.card else ""
    if not wanted or missing:
        return
    if found.card is None and any(path.upper().startswith(LICENSES) for path in found.files):
        return
    if has != wanted:
        says = f"names the license {has}" if has else "names no license"
        yield Finding(kind="license", where="README.md", text=f"it {says}, the base's is {wanted}")


def base_model(expected: Expected, found: Found) -> Iterator[Finding]:
    """Whose quant README.md says it is."""
    if found.card is None:
        yield Remark(kind="base_model", where="README.md", text="there is none: nothing names the base")
        return
    bases = found.card.bases
    if not bases:
        yield Remark(kind="base_model", where="README.md", text="it names no base_model")
    elif expected.repo and expected.repo.lower() not in (base.lower() for base in bases):
        text = f"it names another base_model: {', '.join(bases[:3])}"
        yield Finding(kind="base_model", where="README.md", text=text)


def name(expected: Expected, found: Found) -> Iterator[Finding]:
    """What programs and people tell by the name."""
    if found.name and not _has_word("mlx", found.name):
        text = "`mlx` is no word of the name: LM Studio and others do not take it for an MLX quant"
        yield Remark(kind="name", where=found.name, text=text)
    if found.name and expected.text_only and not says_text(found.name):
        text = "it is text only, the base sees or hears, and the name does not say so"
        yield Remark(kind="senses", where=found.name, text=text)


def says_text(name: str) -> bool:
    """True where the name says that the quant is text only, as `Qwen3-VL-8B-text-q8-mlx` does."""
    return _has_word("text", name)


def _has_word(word: str, name: str) -> bool:
    return re.search(rf"(?<![a-z0-9]){word}(?![a-z0-9])", name.lower()) is not None
