"""Numbers as people write them: scores, differences, ranges, counts, ranks, sizes, bits, speeds."""

from __future__ import annotations

import re
from typing import Literal

from bot.records import Record
from bot.review.claims.quantity_patterns import (
    ALL_BUT,
    BARE,
    COUNT,
    COUNTS_POINTS,
    FEW,
    FRACTION,
    IS,
    LIST,
    NO_LOSS,
    NUMBERS,
    OF,
    OF_MODELS,
    OF_RESULTS,
    PART_OF_A_POINT,
    PARTS,
    PLACE,
    PLAINLY,
    QUANTITY,
    RANK,
    RECORD,
    RECORD_OF,
    VERB,
    WORD_QUANTITY,
)

Kind = Literal[
    "plain",
    "percent",
    "points",
    "fraction",
    "rank",
    "size",
    "bits",
    "bpw",
    "parameters",
    "speed",
    "times",
    "count",
    "record",
]
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


class Quantity(Record, frozen=True, kw_only=True):
    """One number or a range. `places`: printed decimals. `sign`: as written, 0 for none or for the sign of
    both. `short`: all but `low`. `whole`: what a fraction counts out of, or the ties of a
    record. Percent and points stay as printed.
    """

    kind: Kind
    low: float
    high: float | None = None
    sign: int = 0
    places: int = 0
    whole: int | None = None
    letter: str = ""
    short: bool = False

    @property
    def slack(self) -> float:
        """Half a unit of the last printed digit."""
        return 0.5 * 10.0**-self.places + 1e-9

    @property
    def fits_a_score(self) -> bool:
        return self.kind == "plain" and self.places >= 2 and 0 <= self.low <= 1 and self.high is None


def read(text: str, at: int) -> tuple[Quantity, int] | None:
    """The quantity that begins at `at`, and where it ends."""
    for pattern, made in _READERS:
        found = pattern.match(text, at)
        if (
            found
            and pattern is QUANTITY
            and LIST.search(found[0])
            and "between" not in text[max(0, at - 9) : at]
        ):
            found = pattern.match(
                text, at, at + found[0].index(" and ")
            )  # `by 0.3 and 1.2 points` is no range
        if found and (quantity := made(found)):
            return quantity, _end(found, quantity)
    return None


def _counted(found: re.Match[str]) -> Quantity:
    return Quantity(kind="count", low=count(found["count"]))


def _none_or_one(found: re.Match[str]) -> Quantity | None:
    if NO_LOSS.match(found.string, found.start()):
        return None
    return Quantity(kind="count", low=0 if found["none"] else 1)


def _behind_verb(found: re.Match[str]) -> Quantity | None:
    before = found.string[max(0, found.start() - 24) : found.start()]
    return _counted(found) if VERB.search(before) else None


def count(written: str) -> int:
    """`5`, `five` -> 5; `all` -> -1."""
    return int(written) if written.isdigit() else NUMBERS[written.lower()]


def _end(found: re.Match[str], quantity: Quantity) -> int:
    groups = found.groupdict()
    if found.re is QUANTITY and groups["high"] and quantity.high is None:
        return found.end("lowpercent") if groups["lowpercent"] else found.end("low")
    return found.start() + len(found[0].rstrip())


def _record(found: re.Match[str]) -> Quantity | None:
    """Two numbers with a slash are a fraction, unless a word before them says otherwise."""
    before = found.string[max(0, found.start() - 60) : found.start()]
    said = RECORD_OF.search(before)
    if said is None or (found["ties"] is None and "/" in found["mark"] and not PLAINLY.match(said[0])):
        return None
    ties = found["ties"]
    lost = said[0].lower().startswith("lo")
    first, second = float(found["wins"]), float(found["losses"])
    return Quantity(
        kind="record",
        low=second if lost else first,
        high=first if lost else second,
        whole=int(ties) if ties is not None else None,
    )


def _fraction(found: re.Match[str]) -> Quantity | None:
    some, whole = count(found["of"]), count(found["all"])
    some = whole if some < 0 else some
    if some > whole or whole < 2:
        return None
    if OF_MODELS.match(found.string, found.end()):
        return None  # `one of the two rivals`
    if "/" not in found[0] and OF_RESULTS.match(found.string, found.end()):
        return None  # `two of its three defeats`: no number of tasks
    return Quantity(kind="fraction", low=some, whole=whole, letter="/" if "/" in found[0] else "")


def _all_but(found: re.Match[str]) -> Quantity:
    return Quantity(kind="count", low=count(found["but"]), short=True)


def _place(found: re.Match[str]) -> Quantity:
    return Quantity(kind="rank", low=1 + _ORDINALS.index((found["place"] or found["alone"]).lower()))


def _rank(found: re.Match[str]) -> Quantity:
    return Quantity(kind="rank", low=int(found["rank"] or found["ordinal"]))


def _in_words(found: re.Match[str]) -> Quantity | None:
    word = found["word"].lower()
    if word in ("a", "an") and not _is_a_number(found):
        return None
    value = 0.5 if word == "half" else float(NUMBERS[word])
    if found["tenths"]:
        return Quantity(kind="points", low=value / 10, places=1) if "point" in found["kind"].lower() else None
    half = bool(found["half"] or found["more"])
    kind = found["kind"].lower()
    if "point" in kind:
        return Quantity(kind="points", low=value + 0.5 * half, places=1 if half or word == "half" else 0)
    if kind.startswith("per"):
        return Quantity(kind="percent", low=value)
    if kind.startswith("bit"):
        return Quantity(kind="bits", low=value)
    return Quantity(kind="times", low=value) if word != "half" else None


def _part_of_a_point(found: re.Match[str]) -> Quantity:
    return Quantity(
        kind="points", low=NUMBERS[found["some"].lower()] * PARTS[found["part"].lower()], places=1
    )


def _is_a_number(found: re.Match[str]) -> bool:
    """`by a point`; `is a point of pride` and `at a point` are none."""
    text, start = found.string, found.start()
    if OF.match(text, found.end()) and IS.search(text, max(0, start - 5), start):
        return False
    return COUNTS_POINTS.search(text, max(0, start - 12), start) is not None


def _number(found: re.Match[str]) -> Quantity:
    kind: Kind = next((k for k in _KINDS if found[k]), "plain")
    if found["lowpercent"] and kind == "plain":
        kind = "percent"
    low, high = _value(found["low"]), _value(found["high"]) if found["high"] else None
    places = _places(found["low"])
    if high is not None:
        places = max(places, _places(found["high"]))
        scores = kind == "plain" and not found["sign"] and low >= 0.1
        if scores or (kind == "plain" and (places < 2 or high > 1.5)) or (high < low and not found["sign"]):
            high = None  # "from 0.393 to 0.405" and "6-7": two numbers, no range
            places = _places(found["low"])
            kind = "percent" if found["lowpercent"] else "plain"
    letter = (found["size"] or found["parameters"] or "")[:1].upper()
    sign = {"+": 1, "-": -1}.get(found["sign"] or "", 0)
    if kind in ("size", "bits", "parameters", "bpw"):
        sign = 0
    return Quantity(kind=kind, low=low, high=high, sign=sign, places=places, letter=letter)


_KINDS: tuple[Kind, ...] = ("percent", "points", "speed", "bpw", "bits", "size", "parameters", "times")


def _value(written: str) -> float:
    return float(written.replace(",", ""))


def _places(written: str) -> int:
    return len(written.partition(".")[2])


_READERS = (
    (ALL_BUT, _all_but), (RECORD, _record), (FRACTION, _fraction), (PLACE, _place), (RANK, _rank),
    (PART_OF_A_POINT, _part_of_a_point), (WORD_QUANTITY, _in_words), (COUNT, _counted),
    (FEW, _none_or_one), (BARE, _behind_verb), (QUANTITY, _number),
)  # fmt: skip
