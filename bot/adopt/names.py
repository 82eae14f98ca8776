"""What a repo's name says: `Qwen3-8B-qx86-hi-mlx` is qx86-hi of something called Qwen3-8B. Pure.

Read from the end, as long as the words are such as quants are named with: today's `<Base>-<recipe>-mlx`, and
the older styles that stand on accounts (`-mlx-4bit`, `-4bit-DWQ`, `-dwq-mlx`, `-q8-gs32`, plain `-mlx`).
"""

from __future__ import annotations

import itertools
import re

from bot.adopt.adopted import RecipeGuess
from bot.recipes.names import all_names
from bot.records import Record

_RECIPE = re.compile(r"qx\d\d[gn]?x?|q\d|mxfp\d|nvfp\d|bf16")
_FLOAT = re.compile(r"fp16|f16|float16|bfloat16|fp32")
_BITS = re.compile(r"(?:int)?(?P<bits>[2-8])(?:-?bits?)?")
_GROUP = re.compile(r"(?:gs|g)(?P<size>32|64|128)")
_METHOD = re.compile(r"dwq\d*|awq|gptq|dynamic|mixed|quant|quantized")
_SMALL = {"gs32", "g32"}
_OTHER = ("mlx", "hi", "text")


class Named(Record, frozen=True, kw_only=True):
    """What the name says. `base`: the rest of the name; `mlx`: it says MLX."""

    base: str
    mlx: bool = False
    guess: RecipeGuess = RecipeGuess()


def named(name: str) -> Named:
    """Read the name (without its owner)."""
    words = [word for word in re.split(r"[-_]", name[:200]) if word]
    tail: list[str] = []
    while len(words) > 1 and _is_tail(words[-1].lower(), tail):
        tail.insert(0, words.pop().lower())
    kept = name[: _end_of(name, words)]
    return Named(base=kept, mlx="mlx" in tail or "mlx" in kept.lower().split("-"), guess=_guess(tail))


def _is_tail(word: str, after: list[str]) -> bool:
    """Whether the word belongs to the quant's part of the name; a bare digit only before `bit`."""
    if word in ("bit", "bits"):
        return True
    if after and after[0] in ("bit", "bits"):
        return word in "2345678"
    known = (_RECIPE, _FLOAT, _GROUP, _METHOD)
    if word in _OTHER or any(pattern.fullmatch(word) for pattern in known):
        return True
    return not word.isdigit() and _BITS.fullmatch(word) is not None


def _end_of(name: str, words: list[str]) -> int:
    """Where the base's part of the name ends: after as many words."""
    at = 0
    for word in words:
        at = name.index(word, at) + len(word)
    return at


def _guess(tail: list[str]) -> RecipeGuess:
    """The recipe that the words name; the method and the width where they name no recipe of ours."""
    recipes = [at for at, word in enumerate(tail) if _RECIPE.fullmatch(word)]
    method = next((word for word in tail if _METHOD.fullmatch(word)), "")
    if len(recipes) == 1 and not method:
        word = tail[recipes[0]]
        small = tail[recipes[0] + 1 : recipes[0] + 2] == ["hi"] or _SMALL & set(tail)
        whole = f"{word}-hi" if small else word
        return _named_so(whole if whole in all_names() else word)
    if recipes:
        return _named_so("-".join(filter(None, (method, *(tail[at] for at in recipes)))))
    width = _width(tail)
    if width and not method:
        return _named_so(f"q{width}-hi" if _SMALL & set(tail) else f"q{width}")
    name = "-".join(filter(None, (method, width and f"{width}bit")))
    return _named_so(name or next((word for word in tail if _FLOAT.fullmatch(word)), ""))


def _named_so(name: str) -> RecipeGuess:
    return RecipeGuess(name=name, confidence="likely" if name else "unknown", built_in=name in all_names())


def _width(tail: list[str]) -> str:
    """The number of bits that the words say, if any."""
    for word, after in itertools.zip_longest(tail, tail[1:], fillvalue=""):
        found = _BITS.fullmatch(word)
        if found and (not word.isdigit() or after in ("bit", "bits")):
            return found["bits"]
    return ""
