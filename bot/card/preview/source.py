"""Which facts the preview shows: those of a file, of a repo on the Hub, or the example."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from bot.card.facts import Facts
from bot.card.facts_file import read
from bot.card.preview.trouble import short
from bot.huggingface import HubDoor
from bot.measure.results import Outcomes
from bot.publish.card_facts import facts_of, outcomes_of
from bot.records import Record

EXAMPLE = Path(__file__).with_name("example.yaml")
_REPO = re.compile(r"[\w.-]+/[\w.-]+")
_FILES = (".yaml", ".yml", ".json")

Door = Callable[[], HubDoor]
"""Makes the way to the Hub, for whoever needs it: most previews do not."""


class Source(Record, frozen=True, kw_only=True):
    """Where the facts come from: either a file, which is read again when it is saved, or a repo."""

    label: str
    file: Path | None = None
    repo: str | None = None
    example: bool = False


class Known(Record, frozen=True, kw_only=True):
    """The facts, and the outcomes of every question where the Hub has them."""

    facts: Facts
    outcomes: Mapping[str, Outcomes] = {}


def source(named: str | None) -> Source:
    """What `--facts` means: a file that is there, else a repo `owner/name`; without it, the example."""
    if named is None:
        return Source(label="example", file=EXAMPLE, example=True)
    path = Path(named)
    if not path.exists() and _REPO.fullmatch(named) and path.suffix not in _FILES:
        return Source(label=named, repo=named)
    return Source(label=short(path.absolute()), file=path.absolute())


def load(source: Source, door: Door, account: str | None = None) -> Known:
    """The facts; of a repo also its outcomes. `account` owns the repo where a file of facts names no owner.

    Raises NotFound, ConfigError with file and line, or what the Hub's door raises.
    """
    if source.repo is not None:
        hub = door()
        facts = facts_of(hub, source.repo)
        return Known(facts=facts, outcomes=outcomes_of(hub, facts))
    assert source.file is not None, "a source is a file or a repo"
    facts = read(source.file)
    if account and facts.repo is None:
        facts = replace(facts, repo=f"{account}/{facts.card}")
    return Known(facts=facts)
