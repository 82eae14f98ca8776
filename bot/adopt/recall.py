"""Which published quants a recall is about, and what their cards say then. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace
from packaging.requirements import InvalidRequirement, Requirement

from bot.adopt.advisories import matches, specifiers
from bot.card.facts import Facts, Recalled, Update
from bot.errors import UsageError
from bot.publish.ledger import OnHub
from bot.records import Manifest, Record


class Recall(Record, frozen=True, kw_only=True):
    """What is recalled: a quant is affected when all that is given holds for it.

    `tools` maps a distribution to a range of versions, `before` is a date (ISO 8601) before which it was made
    or measured, `repos` (`owner/name`) are looked at alone where there are any. `because` is the publisher's
    own reason.
    """

    tools: dict[str, str]
    recipe: str = ""
    template: str = ""
    before: str = ""
    repos: tuple[str, ...] = ()
    because: str = ""

    @property
    def anything(self) -> bool:
        """Whether it names anything by which quants are told apart."""
        return bool(self.tools or self.recipe or self.template or self.before or self.repos)


class Affected(Record, frozen=True, kw_only=True):
    """One quant, and why: a sentence without its full stop, for the card."""

    there: OnHub
    why: str

    @property
    def manifest(self) -> Manifest:
        assert self.there.manifest is not None, "only what the bot made is recalled"
        return self.there.manifest


def tools_of(written: Iterable[str]) -> dict[str, str]:
    """`mlx<0.32` -> mlx, <0.32. Raises UsageError, ConfigError."""
    found: dict[str, str] = {}
    for text in written:
        try:
            one = Requirement(text)
        except InvalidRequirement:
            raise UsageError(
                f"--tool {text[:60]!r} is no tool with its versions: write 'lm-eval<0.4.9'"
            ) from None
        if not one.specifier:
            raise UsageError(f"--tool {text[:60]!r} names no versions: write 'lm-eval<0.4.9'")
        found[one.name] = str(specifiers(str(one.specifier)))
    return found


def affected(found: Iterable[OnHub], recall: Recall) -> tuple[Affected, ...]:
    """Those of the bot's quants that the recall is about, in their order."""
    return tuple(
        Affected(there=there, why=why)
        for there in found
        if there.manifest is not None and (why := _why(there.manifest, recall)) is not None
    )


def _why(manifest: Manifest, recall: Recall) -> str | None:
    """Why this one is recalled; None where it is not."""
    reasons: list[str] = []
    if recall.repos and manifest.repo not in recall.repos:
        return None
    for tool, versions in recall.tools.items():
        used = _used(manifest, tool, versions)
        if used is None:
            return None
        reasons.append(f"{used}, and {tool} {versions} is recalled")
    if recall.recipe and manifest.recipe != recall.recipe:
        return None
    if recall.template and manifest.template != recall.template:
        return None
    if recall.before and not _before(manifest, recall.before):
        return None
    reasons += [f"the recipe {recall.recipe} is recalled"] if recall.recipe else []
    reasons += [f"cards of the template {recall.template} are recalled"] if recall.template else []
    reasons += [f"what was measured before {recall.before} is recalled"] if recall.before else []
    reasons += [recall.because.strip().rstrip(".")] if recall.because.strip() else []
    told = "; ".join(reasons) or "its publisher takes it back"
    return told[0].upper() + told[1:]


def _used(manifest: Manifest, tool: str, versions: str) -> str | None:
    """How it was used, where its version is in the range: the base's numbers stand on the card as well."""
    measured: list[Mapping[str, str]] = [
        each.versions for each in (manifest.measurement, manifest.base_measurement) if each is not None
    ]
    made = manifest.evidence.versions if manifest.evidence else {}
    for known, word in (*((each, "measured") for each in measured), (made, "made")):
        if matches(known, tool, versions):
            return f"it was {word} with {tool} {known[tool]}"
    return None


def _before(manifest: Manifest, date: str) -> bool:
    measured = manifest.measurement.measured_at if manifest.measurement else ""
    made = manifest.evidence.made_at if manifest.evidence else ""
    return any(each and each < date for each in (measured, made))


def marked(facts: Facts, why: str, then: str, today: str) -> Facts:
    """The facts of a card with the banner, and a line in its block of updates. The same facts where the card
    says just this already; a banner that is there keeps its date."""
    before = facts.recalled
    if before is not None and (before.why, before.then) == (why, then):
        return facts
    since = before.since if before is not None else today
    updates = facts.updates
    if before is None or before.why != why:
        updates = (Update(date=today, why=f"recalled: {why[0].lower()}{why[1:]}"), *updates)
    return replace(facts, recalled=Recalled(since=since, why=why, then=then), updates=updates)
