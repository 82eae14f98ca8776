"""What may stand in a watchlist as one word: durations, sizes, names, patterns, titles.

Each is a str, int or float that reads itself from text (`parse`) and refuses the
rest with "what is wrong; what is meant", which `yaml_lines` puts behind file and line.
"""

from __future__ import annotations

import re
import zoneinfo

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
BYTES = {
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_NUMBER = r"([0-9]{1,12}(?:\.[0-9]{1,6})?)"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "(" + "|".join(DAYS) + ")"
_QUIET = re.compile(rf"(?:{_DAY}(?:-{_DAY})? )?([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_WORD = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
"""One half of a Hub id; `--`, `..` and a `.git` at the end are refused besides, as huggingface_hub does."""


class Duration(float):
    """Seconds, written as 45s, 30m, 2h, 1.5d or 2w."""

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Raises ValueError for anything else, and for less than nothing."""
        found = re.fullmatch(_NUMBER + r" ?([smhdw])", text)
        if not found:
            raise ValueError(
                f"{text[:60]!r} is no duration; write a number and s, m, h, d or w, such as 30m or 2h"
            )
        return cls(float(found[1]) * SECONDS[found[2]])


class Interval(Duration):
    """A Duration of at least a minute: sweeps closer than that only annoy the Hub."""

    @classmethod
    def parse(cls, text: str) -> Interval:
        seconds = Duration.parse(text)
        if seconds < 60:
            raise ValueError(f"{text[:60]!r} is too often; write at least 1m (30m is usual)")
        return cls(seconds)


class Size(int):
    """Bytes, written as 120GB, 1.5TB or 80GiB."""

    @classmethod
    def parse(cls, text: str) -> Size:
        """Raises ValueError for anything else, a number without a unit too."""
        found = re.fullmatch(_NUMBER + r" ?([A-Za-z]{1,3})", text)
        if not found or found[2] not in BYTES:
            raise ValueError(
                f"{text[:60]!r} is no size; write a number and MB, GB, TB, MiB, GiB or TiB, such as 120GB"
            )
        return cls(round(float(found[1]) * BYTES[found[2]]))


class HoursADay(Duration):
    """A Duration of more than nothing and at most a day, written as 10h or 90m."""

    @classmethod
    def parse(cls, text: str) -> HoursADay:
        seconds = Duration.parse(text)
        if not 0 < seconds <= SECONDS["d"]:
            raise ValueError(f"{text[:60]!r} does not fit into a day; write up to 24h, such as 10h")
        return cls(seconds)


class QuietHours(str):
    """Local hours of some days of the week, written as 22:00-08:00 (every day) or mon-fri 09:00-18:00.

    A window that ends at or before its start goes on into the next day; a day's name is that of its start.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        if _QUIET.fullmatch(text.lower()) is None or cls(text).minutes_long == 0:
            raise ValueError(
                f"{text[:60]!r} are no hours; write from-to, such as 22:00-08:00, or mon-fri 09:00-18:00"
            )
        return cls(text)

    @property
    def days(self) -> tuple[int, ...]:
        """On which days it starts, Monday is 0; `sat-mon` goes over the week's end."""
        first, last = self._parts[:2]
        if first is None:
            return tuple(range(7))
        start, end = DAYS.index(first), DAYS.index(last or first)
        return tuple((start + offset) % 7 for offset in range((end - start) % 7 + 1))

    @property
    def starts(self) -> int:
        """Minutes after midnight."""
        return int(self._parts[2]) * 60 + int(self._parts[3])

    @property
    def minutes_long(self) -> int:
        end = int(self._parts[4]) * 60 + int(self._parts[5])
        return (end - self.starts) % (24 * 60)

    @property
    def _parts(self) -> tuple[str, ...]:
        found = _QUIET.fullmatch(self.lower())
        assert found is not None, "parse lets nothing else through"
        return found.groups()


class Zone(str):
    """A time zone by its IANA name, such as Europe/Berlin."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Zone:
        try:
            zoneinfo.ZoneInfo(text)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"{text[:60]!r} is no time zone; write its IANA name, such as Europe/Berlin"
            ) from None
        return cls(text)


class Account(str):
    """A Hub account or organisation."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Account:
        if not _is_word(text):
            raise ValueError(
                f"{text[:60]!r} is no account on a Hub; write its name alone, such as nightmedia"
            )
        return cls(text)


class Repo(str):
    """A Hub repo, owner/name."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Repo:
        owner, slash, name = text.partition("/")
        if not (slash and _is_word(owner) and _is_word(name)):
            raise ValueError(f"{text[:120]!r} is no repo; write owner/name, such as Qwen/Qwen3-8B")
        return cls(text)


class Against(str):
    """Whom a card's tables are against: `siblings`, or a repo in which {base} is the base model's name."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Against:
        try:
            return cls(text if text == "siblings" else Repo.parse(text.replace("{base}", "x")) and text)
        except ValueError:
            raise ValueError(
                f"{text[:120]!r} is nothing to compare with; write siblings, or a repo such as Qwen/Qwen3-8B "
                "or mlx-community/{base}-4bit"
            ) from None


class RecipeItem(str):
    """A recipe's name, or with a slash in it a folder of recipe files."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> RecipeItem:
        return cls(text)

    @property
    def is_folder(self) -> bool:
        return "/" in self


class RecipeName(str):
    """A recipe's name. Whether there is such a recipe depends on the folders at the top of the watchlist."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> RecipeName:
        if "/" in text:
            raise ValueError(
                f"{text[:60]!r} is a folder; name it under `recipes` at the top of the file, and here the "
                "recipes that you want from it"
            )
        return cls(text)


class Pattern(str):
    """A shell pattern (* and ?) for the names of an author's repos, without the author."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Pattern:
        if not text or "/" in text or len(text) > 200:
            raise ValueError(
                f"{text[:60]!r} is no pattern for a name; leave the author out, write Qwen3-* for instance"
            )
        return cls(text)


class Title(str):
    """A collection's title, with {base} and {author} filled in for each base model."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Title:
        left = text.replace("{base}", "").replace("{author}", "")
        if not text.strip() or "{" in left or "}" in left:
            raise ValueError(
                f"{text[:60]!r} is no title; it is text that may hold {{base}} and {{author}} only"
            )
        return cls(text)


def _is_word(text: str) -> bool:
    return (
        _WORD.fullmatch(text) is not None
        and "--" not in text
        and ".." not in text
        and not text.endswith(".git")
    )
