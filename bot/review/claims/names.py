"""How a text calls the models of a board: by name, label, recipe, or a part of the name that only one has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.card.board import FLOATS, Board, Model
from bot.review.claims.name_patterns import BASE, COMMON, RECIPE, UNKNOWN

_PARTS = re.compile(r"[-_/ +]+")
_PART = re.compile(r"\w[\w.]{0,40}")
_GAP = re.compile(r"[-_/ +]{0,3}")
_CHUNK = re.compile(r"[A-Za-z0-9][\w.]{0,40}(?:[-+_/][A-Za-z0-9][\w.]{0,40}){0,14}(?<![.])")
_NAME_GOES_ON = re.compile(r"\w|-\d")
LONGEST = 24
"""Words of a name that are looked for in a text; the longest real names have some fifteen."""


class Names:
    """All spellings of a board's models, and what each means. `at` finds the longest one at a place."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._meaning: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._single: dict[str, set[str]] = {}
        self._parts = {
            model.name: [set(_key(name)) for name in (*_names_of(board, model), model.recipe or "")]
            for model in board.models
        }
        self._collect()
        self._longest = min(LONGEST, max((len(key) for key in self._meaning), default=1))
        self._starts = {key[0] for key in self._meaning}

    def at(self, text: str, at: int, end: int) -> tuple[tuple[str, ...], int] | None:
        """The models named at `at` and where the name ends; no models: a name that is none of the board's."""
        chunk = _CHUNK.match(text, at, end)
        if chunk and (models := self._whole(chunk[0])) is not None:
            return models, chunk.end()
        if base := BASE.match(text, at, end):
            known = self.board.base
            return ((known.name,) if known else ()), base.end()
        if found := self._longest_phrase(text, at, end):
            return found
        unknown = UNKNOWN.match(text, at, end)
        return ((), unknown.end()) if unknown else None

    def _whole(self, chunk: str) -> tuple[str, ...] | None:
        """A name in one piece: as it is known, or by parts that only one model has. None: no model's name."""
        key = _key(chunk)
        if (known := self._meaning.get(key)) and (len(key) > 1 or not key[0].isalpha()):
            return known
        if not any(letter.isdigit() for letter in chunk) and len(key) < 2:
            return None
        wanted = set(key) - {"mlx"}
        if wanted and any(part not in COMMON for part in wanted):
            holders = tuple(n for n, names in self._parts.items() if any(wanted <= parts for parts in names))
            if len(holders) == 1 and any(_distinct(part) for part in wanted):
                return holders
        return () if UNKNOWN.fullmatch(chunk) else None

    def _longest_phrase(self, text: str, at: int, end: int) -> tuple[tuple[str, ...], int] | None:
        keys: list[str] = []
        best: tuple[tuple[str, ...], int] | None = None
        place = at
        while len(keys) < self._longest and (part := _PART.match(text, place, end)):
            keys.append(part[0].lower().rstrip("."))
            if keys[0] not in self._starts:
                return None
            until = part.end() - (1 if part[0].endswith(".") else 0)
            models = self._meaning.get(tuple(keys))
            if models and self._as_written(keys, part[0]) and not _NAME_GOES_ON.match(text, until):
                best = models, until
            gap = _GAP.match(text, part.end(), end)
            assert gap is not None
            if not gap[0]:
                break
            place = gap.end()
        return best

    def _as_written(self, keys: list[str], written: str) -> bool:
        """A name of one plain word counts only as it is written in the models' names, or with a capital."""
        if len(keys) > 1 or not keys[0].isalpha():
            return True
        return written in self._single.get(keys[0], ()) or written[0].isupper()

    def _collect(self) -> None:
        own = {model.name: _names_of(self.board, model) for model in self.board.models}
        for model in self.board.models:
            for name in (
                model.name,
                model.label,
                model.repo,
                model.recipe if model.role != "rival" else None,
            ):
                self._add(name, (model.name,))
        self._add(self.board.card, (self.board.subject.name,))
        self._add(self.board.card.removesuffix("-mlx"), (self.board.subject.name,))
        self._add_parts(own)
        for model in self.board.models:
            self._add_recipe(model)

    def _add(self, spelling: str | None, models: tuple[str, ...]) -> None:
        key = _key(spelling or "")
        if len(key) == 1 and key[0] in COMMON:
            return  # a measured base is called "base", which texts use for many things
        if key and models and len("".join(key)) >= 2:
            self._meaning.setdefault(key, models)
            if spelling and len(key) == 1:
                self._single.setdefault(key[0], set()).add(spelling)

    def _add_parts(self, own: dict[str, set[str]]) -> None:
        """Runs of a name's parts: those that one model alone has, and a family's name for the subject."""
        runs: dict[str, set[str]] = {}
        for name, spellings in own.items():
            for run in (each for spelling in spellings for each in _runs(spelling)):
                runs.setdefault(run, set()).add(name)
        subject = self.board.subject.name
        for run, models in runs.items():
            if len(models) == 1:
                self._add(run, tuple(models))
            elif RECIPE.fullmatch(run):
                self._add(run, self._nearest(models))
            elif subject in models:
                self._add(run, (subject,))

    def _nearest(self, models: set[str]) -> tuple[str, ...]:
        """Of several models of one recipe, the one whose name has most in common with the subject's."""
        own = set(_key(self.board.card)) | set(_key(self.board.subject.name))
        near = sorted(((len(own & set(_key(name))), name) for name in models), reverse=True)
        return (near[0][1],) if near[0][0] > near[1][0] else ()

    def _add_recipe(self, model: Model) -> None:
        """`86-hi`, `qx86` and `5/6-bit` for the only model of that recipe."""
        recipe = next((part for part in reversed(_names_parts(model)) if part), "")
        short = recipe.removesuffix("-hi")
        others = [m for m in self.board.models if m is not model and short in (m.recipe or m.name).lower()]
        widths = model.widths
        if short != recipe and not others:
            self._add(short, (model.name,))
        if short.startswith("qx") and not others:
            self._add(recipe.removeprefix("qx"), (model.name,))
        plain = widths is not None and widths.head == widths.data and widths.head < 16
        if widths and plain and model.role != "rival":
            own = [m for m in self.board.models if m.widths and m.role != "rival"]
            alike = [m for m in own if m.widths and m.widths.data == widths.data]
            for word in ("version", "quant", "model", "variant", "build") if len(alike) == 1 else ():
                self._add(f"{widths.data}-bit {word}", (model.name,))
        if widths and widths.head != widths.data:
            same = [m for m in self.board.models if m.widths and _bits(m) == _bits(model)]
            if len(same) == 1:
                for pair in (f"{widths.head}/{widths.data}", f"{widths.data}/{widths.head}"):
                    self._add(f"{pair}-bit", (model.name,))


def _bits(model: Model) -> tuple[int, int]:
    assert model.widths is not None
    return model.widths.head, model.widths.data


def _names_parts(model: Model) -> list[str]:
    found = RECIPE.findall(model.recipe or model.name)
    return [str(each).lower() for each in found]


def _names_of(board: Board, model: Model) -> set[str]:
    names = {model.name, model.label}
    if model.role == "subject":
        names.add(board.card.removesuffix("-mlx"))
    return {name for name in names if name.lower() not in FLOATS}


def _runs(name: str) -> Iterator[str]:
    """Runs of parts that can stand for the name, as written."""
    parts = [part for part in _PARTS.split(name.rsplit("/", 1)[-1]) if part][:14]
    for first in range(len(parts)):
        for last in range(first + 1, len(parts) + 1):
            run = parts[first:last]
            if _tells(run):
                yield "-".join(run)


def _tells(run: list[str]) -> bool:
    """Whether these parts can be a name by themselves: one that is no common word, and none left hanging."""
    return any(_distinct(part) for part in run) and run[0].lower() not in ("hi", "mlx")


def _distinct(part: str) -> bool:
    plain = part.lower() not in COMMON and len(part) >= 2
    is_size = re.fullmatch(r"[aA]?\d+(?:\.\d+)?[bBmM]?", part) is not None
    return plain and not is_size and (len(part) >= 3 or not part.isalpha())


def _key(written: str) -> tuple[str, ...]:
    return tuple(part for part in _PARTS.split(written.lower().strip()) if part)
