"""Numbers as people write them: scores, differences, ranges, counts, ranks, sizes, bits, speeds."""

from __future__ import annotations

import re
from typing import Literal

from bot.records import Record

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
]
NUMBERS = {
    "no": 0, "none": 0, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "all": -1,
}  # fmt: skip
_N = r"\d{1,6}(?:,\d{3}){0,3}(?:\.\d{1,6})?|\.\d{1,6}"
_WORDS = r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_UNIT = (
    r"(?P<percent>%|per ?cent\b)|-?(?P<points>(?:percentage |accuracy )?points?\b|pp\b|p\.p\.|pts?\b)"
    r"|(?P<speed>(?:tok(?:ens)?|t) ?(?:/|per) ?s(?:ec(?:ond)?)?\b|tps\b)"
    r"|-?(?P<bpw>bits per weight\b|bpw\b)|-?(?P<bits>bits?\b)|(?P<size>[GMT](?:i?B|igabytes?)?\b)"
    r"|(?P<parameters>(?:[BM]|billion|million)\b)|(?P<times>[x\u00d7](?![a-z])|-?fold\b|times\b)"
)
QUANTITY = re.compile(
    rf"(?P<sign>[+\-\u00b1])?(?P<low>{_N})(?P<lowpercent> ?%)?"
    rf"(?: ?(?:\u2013|\u2014|-|to|and) ?(?P<sign2>[+\-\u00b1])?(?P<high>{_N}))?"
    rf"(?P<error> ?\u00b1 ?(?:{_N}))?(?: ?-?(?:{_UNIT}))?",
    re.IGNORECASE,
)
WORD_QUANTITY = re.compile(
    rf"(?P<word>{_WORDS}|half)(?: an?)?(?: full| whole)?[ -]"
    r"(?P<kind>(?:percentage |accuracy )?points?|per ?cent|bits?|times)\b",
    re.IGNORECASE,
)
FRACTION = re.compile(
    rf"(?<!/)(?P<of>\d{{1,2}}|{_WORDS}|none|all)"
    rf"(?:\s?/\s?|\s(?:tasks?|benchmarks?|wins?|metrics|tests?)?\s?(?:(?:out )?of|from|in)\s"
    r"(?:the |its |all |these |our |those )?(?:total )?)"
    rf"(?P<all>\d{{1,2}}|{_WORDS})(?![\w%]|\.\d|\s?/\s?\d|[- ]?bits?\b)",
    re.IGNORECASE,
)
ALL_BUT = re.compile(rf"all but (?P<but>\d{{1,2}}|{_WORDS})\b(?! of)", re.IGNORECASE)
PLACE = re.compile(
    rf"(?P<place>first|second|third|fourth|fifth) "
    rf"(?=(?:out )?of (?:the )?(?:\d|{_WORDS})\b(?! (?:tasks|benchmarks|tests)))",
    re.IGNORECASE,
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
RANK = re.compile(
    r"(?:#\s?|No\. ?|number |rank )(?P<rank>\d)\b|(?P<ordinal>[1-9])(?:st|nd|rd|th)\b", re.IGNORECASE
)
_LIST = re.compile(r"\d%? and [\d.]")
COUNT = re.compile(
    rf"(?P<count>\d{{1,2}}|{_WORDS}|zero)\s(?=(?:[a-z-]{{3,14}}\s){{0,2}}(?:wins?|loss(?:es)?|ties?|draws?|victor(?:y|ies)"
    r"|defeats?|benchmarks?|tasks?|tests?|metrics|categories|evaluations|evals)\b)",
    re.IGNORECASE,
)
_RESULTS = r"(?:wins?|loss(?:es)?|ties?|draws?|victor(?:y|ies)|defeats?)"
# "no losses", "without a single loss", "a single tie"; "no loss of quality" and "no wins on A" count nothing.
_NONE = r"no|not a single|without(?: a| any)?(?: single)?"
FEW = re.compile(
    rf"(?:(?P<none>{_NONE})|(?P<one>(?<!not )an? (?:single|lone|sole)))"
    rf"\s(?={_RESULTS}\b(?!\s(?:of|in|on|for)\s(?!any|all))|(?(one)(?:task|benchmark|test|metric)\b|$))",
    re.IGNORECASE,
)
_NO_LOSS = re.compile(r"(?:no|without(?: any)?) loss\b", re.IGNORECASE)  # perhaps one of quality
# "ties on 0", "wins 5, loses 2": a bare number right behind such a verb.
BARE = re.compile(
    rf"(?P<count>\d|{_WORDS}|zero|none)(?=\s*(?:$|[,;.)\n](?!\d)|(?:and|against|vs|versus|to|with|over|but"
    r"|of (?:them|the|these|those))\b))",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:wins?|won|winning|los(?:es?|t|ing)|ties?|tied|tying|draws?|drew|drawing)(?: on| in)? $",
    re.IGNORECASE,
)


class Quantity(Record, frozen=True, kw_only=True):
    """One number or a range. `places`: printed decimals. `sign`: as written, 0 for none or for the sign of
    both. `short`: all but `low`. `whole`: what a fraction counts out of. Percent and points stay as printed.
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
            and _LIST.search(found[0])
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
    if _NO_LOSS.match(found.string, found.start()):
        return None
    return Quantity(kind="count", low=0 if found["none"] else 1)


def _behind_verb(found: re.Match[str]) -> Quantity | None:
    before = found.string[max(0, found.start() - 24) : found.start()]
    return _counted(found) if _VERB.search(before) else None


def count(written: str) -> int:
    """`5`, `five` -> 5; `all` -> -1."""
    return int(written) if written.isdigit() else NUMBERS[written.lower()]


def _end(found: re.Match[str], quantity: Quantity) -> int:
    groups = found.groupdict()
    if found.re is QUANTITY and groups["high"] and quantity.high is None:
        return found.end("lowpercent") if groups["lowpercent"] else found.end("low")
    return found.start() + len(found[0].rstrip())


def _fraction(found: re.Match[str]) -> Quantity | None:
    some, whole = count(found["of"]), count(found["all"])
    some = whole if some < 0 else some
    if some > whole or whole < 2:
        return None
    return Quantity(kind="fraction", low=some, whole=whole, letter="/" if "/" in found[0] else "")


def _all_but(found: re.Match[str]) -> Quantity:
    return Quantity(kind="count", low=count(found["but"]), short=True)


def _place(found: re.Match[str]) -> Quantity:
    return Quantity(kind="rank", low=1 + _ORDINALS.index(found["place"].lower()))


def _rank(found: re.Match[str]) -> Quantity:
    return Quantity(kind="rank", low=int(found["rank"] or found["ordinal"]))


def _in_words(found: re.Match[str]) -> Quantity | None:
    word = found["word"].lower()
    value = 0.5 if word == "half" else float(NUMBERS[word])
    kind = found["kind"].lower()
    if "point" in kind:
        return Quantity(kind="points", low=value, places=1 if word == "half" else 0)
    if kind.startswith("per"):
        return Quantity(kind="percent", low=value)
    if kind.startswith("bit"):
        return Quantity(kind="bits", low=value)
    return Quantity(kind="times", low=value) if word != "half" else None


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
    (ALL_BUT, _all_but), (FRACTION, _fraction), (PLACE, _place), (RANK, _rank), (WORD_QUANTITY, _in_words),
    (COUNT, _counted), (FEW, _none_or_one), (BARE, _behind_verb), (QUANTITY, _number),
)  # fmt: skip
