"""What was measured, read back: from a quant's folder, its repo, or a file of `bot measure --json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from bot.check.place import Folder, Repo, place
from bot.errors import BotError, ConfigError, NotFound, UsageError
from bot.huggingface import HubDoor
from bot.measure.request import Measurements
from bot.measure.results import Outcome
from bot.publish import outcomes
from bot.publish.ledger import MANIFEST, parse_manifest
from bot.records import Manifest, Measurement, Record
from bot.settings import Settings


class Measured(Record, frozen=True, kw_only=True):
    """One model's measurement, with as many outcomes of single questions as can be read.

    `base` is the repo it was made of, where a manifest says so.
    """

    name: str
    measurement: Measurement
    outcomes: dict[str, tuple[Outcome, ...]] = msgspec.field(default_factory=dict)
    base: str | None = None


class _Made(Record, frozen=True, kw_only=True):
    """A quant of the bot's: where it is, and what its manifest says."""

    where: Folder | Repo
    manifest: Manifest

    def quant(self) -> Measured:
        measurement = self.manifest.measurement
        if measurement is None:
            raise NotFound(f"{self.where.name} holds no measurement: there is nothing to compare")
        return self._measured(self.where.name, measurement)

    def its_base(self) -> Measured | None:
        found = self.manifest.base_measurement
        return self._measured(self.manifest.base, found) if found is not None else None

    def _measured(self, name: str, measurement: Measurement) -> Measured:
        read = dict(outcomes.outcomes(measurement, self.where.read))
        return Measured(name=name, measurement=measurement, outcomes=read, base=self.manifest.base)


def measured(door: HubDoor, known: Settings, texts: Sequence[str]) -> tuple[Measured, ...]:
    """All that `texts` name, in their order, each model once; at least two.

    A text is a quant's folder, a repo (`owner/name[@revision]`), a file of `bot measure --json` with one or
    more models, or the repo of a base of which another text names a quant: its measurement stands in there.
    One quant alone is read with its base before it. Raises UsageError, ConfigError, NotFound, NeedsPerson,
    NotAllowed, HubUnavailable.
    """
    sources = [_source(door, known, text) for text in texts]
    made = [source for source in sources if isinstance(source, _Made)]
    found: list[Measured] = []
    if len(sources) == len(made) == 1:
        found.extend(filter(None, [made[0].its_base()]))
    for text, source in zip(texts, sources, strict=True):
        if isinstance(source, _Made):
            found.append(source.quant())
        elif isinstance(source, BotError):
            found.append(_base(text, source, made))
        else:
            found.extend(source)
    each = tuple({_identity(one): one for one in reversed(found)}.values())[::-1]
    if len(each) < 2:
        raise UsageError(f"there is only one measurement to read, that of {each[0].name}: name another model")
    return each


def _identity(one: Measured) -> tuple[object, ...]:
    return one.name, one.measurement.tasks, one.measurement.perplexity


def _source(door: HubDoor, known: Settings, text: str) -> _Made | tuple[Measured, ...] | BotError:
    """What the text names; the error that says what is missing where it may be a base."""
    if Path(text).expanduser().is_file():
        return _document(known, Path(text).expanduser())
    if text.startswith((".", "/", "~")) and not Path(text).expanduser().is_dir():
        raise NotFound(f"{text} is not there: give a quant's folder or a file of `bot measure --json`")
    try:
        where = place(door, text)
    except UsageError:
        raise UsageError(
            f"{text!r} is no folder, no file and no repo: give a quant's folder, a file of `bot measure "
            "--json`, owner/name or owner/name@revision"
        ) from None
    except BotError as error:
        return error
    manifest = parse_manifest(where.read(MANIFEST) or b"")
    if manifest is not None:
        return _Made(where=where, manifest=manifest)
    return NotFound(
        f"{text} has no {MANIFEST} with a measurement: the bot did not make it; measure it with `bot measure "
        "--json FILE`, and name the file"
    )


def _base(text: str, error: BotError, made: Sequence[_Made]) -> Measured:
    """The base of one of the quants, as measured with it. Raises the error where it is the base of none."""
    repo = text.split("@")[0].lower()
    bases = [quant.its_base() for quant in made if quant.manifest.base.lower() == repo]
    if not any(bases):
        raise error
    return next(filter(None, bases))


def _document(known: Settings, path: Path) -> tuple[Measured, ...]:
    """The models of a file of `bot measure --json`; their outcomes lie in this machine's store."""
    try:
        items = msgspec.json.decode(path.read_bytes(), type=Measurements).items
    except (msgspec.MsgspecError, OSError, RecursionError) as error:
        raise ConfigError(f"{path} is no file of `bot measure --json`: {error}") from error
    if not items:
        raise NotFound(f"{path} holds no measurement: measure the model again")
    read = outcomes.below(known.measurements)
    return tuple(
        Measured(name=item.name, measurement=item, outcomes=dict(outcomes.outcomes(item, read)))
        for item in items
    )
