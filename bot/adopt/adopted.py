"""What is known of one repo of the account without its weights: the records of the ledger."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.records import Record, RepoFile

Origin = Literal["made", "adopted", "foreign"]
"""made: it carries a manifest of the bot's.  adopted: an MLX quant that somebody else made or measured.
foreign: something else (GGUF, an adapter, a base), or not adopted."""

BaseFrom = Literal["manifest", "metadata", "card", "sibling", "name", "unknown"]
"""Where the base's name comes from, best first. sibling: another repo of the account, named after the same
base, gives its owner.  name: only the repo's own name, without an owner."""

Confidence = Literal["certain", "likely", "contradicted", "unknown"]
"""certain: the manifest says so, or name and config.json agree.  likely: one of them says so.
contradicted: they say different things."""


class RecipeGuess(Record, frozen=True, kw_only=True):
    """What it was probably made with. `built_in`: `name` is a recipe of the bot's (else only how people
    call it, such as `dwq-4bit`)."""

    name: str = ""
    confidence: Confidence = "unknown"
    built_in: bool = False


class Stored(Record, frozen=True, kw_only=True):
    """How config.json says the weights are stored. None: it does not say. `overrides`: modules with a width
    of their own."""

    bits: int | None = None
    group_size: int | None = None
    mode: str = ""
    overrides: int = 0


class Reported(Record, frozen=True, kw_only=True):
    """One number that a card states: nobody measured it here.

    `what` is a task by lm-eval's name, `perplexity` or `tokens_per_second`; `own`: it is about this repo;
    `line` of README.md where it stands (counted from 1).
    """

    model: str
    what: str
    value: float
    own: bool = False
    line: int | None = None


class Made(Record, frozen=True, kw_only=True):
    """What the manifest of a quant of the bot's says, as far as the nightly re-read needs it.

    `manifest_oid` is its git blob: as long as that stays, it need not be read again. `versions` maps a tool's
    distribution name to the version that measured it (or made it, where it was not measured), `made_with` to
    the version that made it. `places`: its index among the bot's own quants
    in each of its collections, as seen last.
    """

    manifest_oid: str
    bits_per_weight: float = 0.0
    collections: tuple[str, ...] = ()
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    made_with: dict[str, str] = msgspec.field(default_factory=dict)
    files: tuple[RepoFile, ...] = ()
    places: dict[str, int] = msgspec.field(default_factory=dict)


class Adopted(Record, frozen=True, kw_only=True):
    """One repo of the account as it was read last.

    `files` are what the Hub lists at `sha`, the first `bot.adopt.recognise.FILES` of them; `size_bytes` the
    safetensors. `quant`: it holds weights for MLX. `base` is `owner/name`, or empty; `base_name` what the
    repo is named after. `notes`: a sentence for each thing that could not be read. `made` is there where it
    carries a manifest of the bot's.
    """

    repo: str
    sha: str
    private: bool = False
    quant: bool = False
    base: str = ""
    base_name: str = ""
    base_from: BaseFrom = "unknown"
    relation: str = ""
    recipe: RecipeGuess = RecipeGuess()
    stored: Stored | None = None
    size_bytes: int = 0
    files: tuple[RepoFile, ...] = ()
    reported: tuple[Reported, ...] = ()
    notes: tuple[str, ...] = ()
    made: Made | None = None

    def origin(self, *, adopting: bool) -> Origin:
        """What it is to the account. `adopting`: a person said `bot adopt`."""
        if self.made is not None:
            return "made"
        return "adopted" if self.quant and adopting else "foreign"
