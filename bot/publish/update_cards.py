"""Published cards brought up to date with the templates as they are now, repo by repo.

    the account's repos -> those that are ours and public -> is their template touched? -> facts read back
    -> rendered -> held against README.md on the Hub (`card_decision`) -> one commit each (`card_commit`)

What is up to date is left as it is, so that a run that was killed goes on where it was. What fails is told
of that repo, and does not stop the others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from bot.card.board import board
from bot.card.changes import Touched, touched_by
from bot.card.facts import Facts
from bot.card.figures.sketch import sketches
from bot.card.render import notices, render
from bot.card.template_folder import commit_of, standard
from bot.errors import BotError, ConfigError, NeedsPerson, NotFound, UsageError
from bot.huggingface import HubDoor
from bot.publish import card_facts, card_figures, ledger
from bot.publish.card_commit import card_files, commit, renewed
from bot.publish.card_decision import CardUpdate, decide
from bot.publish.card_figures import Draw
from bot.publish.card_merge import Take
from bot.publish.card_origin import as_it_stands, by_hand
from bot.publish.files import CARD
from bot.publish.ledger import OnHub
from bot.records import Card, Manifest, Record, RepoFile
from bot.review.review import review


class Wanted(Record, frozen=True, kw_only=True):
    """How cards are updated. `own` is an account's templates; `take` settles a conflict; `everything` renders
    also cards whose template did not change. `change`: what each card's facts become before it is rendered,
    and `message` what the commit is called then."""

    own: Path | None = None
    take: Take | None = None
    everything: bool = False
    change: Callable[[Facts], Facts] | None = None
    message: str = ""

    @property
    def anyway(self) -> bool:
        """Whether a card is rendered although its template is as it was."""
        return self.everything or self.take is not None or self.change is not None


class Planned(Record, frozen=True, kw_only=True):
    """An update, and what is needed to write it. `listed` are the Hub's files at `there.sha`."""

    update: CardUpdate
    there: OnHub
    listed: tuple[RepoFile, ...] = ()
    facts: Facts | None = None
    card: Card | None = None


def published(door: HubDoor, account: str) -> list[OnHub]:
    """The account's public repos that the bot made; one base's beside each other."""
    found = (ledger.look(door, model.repo) for model in door.list_models(account) if not model.private)
    ours = [there for there in found if there.manifest is not None and not there.private]
    return sorted(ours, key=lambda there: (there.manifest.base if there.manifest else "", there.repo))


def one(door: HubDoor, repo: str) -> OnHub:
    """That repo. Raises NotFound, NeedsPerson (not ours), UsageError (not public yet)."""
    there = ledger.look(door, repo)
    if there.standing == "absent":
        raise NotFound(f"{repo} is not on the Hub, or this token may not read it: check the name")
    if there.manifest is None:
        raise NeedsPerson(f"{repo} was not made by this bot: its card is left as it is")
    if there.private:
        raise UsageError(f"{repo} is not public yet: `bot release {repo}` comes first")
    return there


def plans(door: HubDoor, repos: Iterable[OnHub], wanted: Wanted) -> Iterator[Planned]:
    """What is to become of each card, one after the other; nothing is written.

    A repo that cannot be read or a card that cannot be rendered is told in its update.
    """
    touched, commit = touched_by(wanted.own), functools.cache(commit_of)
    for there in repos:
        try:
            yield _plan(door, there, wanted, touched, commit)
        except BotError as error:
            yield Planned(update=failed(CardUpdate(repo=there.repo, status="failed"), error), there=there)


def failed(update: CardUpdate, error: BotError) -> CardUpdate:
    """The same, failed."""
    return replace(update, status="failed", error=str(error), error_kind=type(error).__name__)


def _plan(
    door: HubDoor, there: OnHub, wanted: Wanted, touched: Touched, commit: Callable[[Path], str | None]
) -> Planned:
    manifest = _manifest(there)
    listed = door.files(there.repo, there.sha)
    changed = by_hand(manifest, listed)
    untouched = CardUpdate(
        repo=there.repo,
        status="edited" if CARD in changed else "unchanged",
        edited=CARD in changed,
        note="edited by hand; its template did not change" if CARD in changed else "",
    )
    if manifest.measuring:
        note = "its tasks are being measured: its card is written again when they are done"
        return Planned(update=replace(untouched, note=note), there=there, listed=listed)
    on_top = notices(rehearsal=manifest.rehearsal, stopped=manifest.stopped, measuring=manifest.measuring)
    stale = touched(manifest.template, manifest.template_commit, on_top)
    if stale == frozenset() and not wanted.anyway:
        return Planned(update=untouched, there=there, listed=listed)
    facts = card_facts.facts_of(door, there.repo)
    facts = wanted.change(facts) if wanted.change is not None else facts
    said = review(facts, card_facts.outcomes_of(door, facts))
    card = render(facts, said, wanted.own, sketches(facts, board(facts)), commit=commit)
    found = replace(as_it_stands(door, there, changed, card), blocks=tuple(sorted(stale or ())))
    update = decide(found, manifest.template_commit, card.template_commit, wanted.take)
    return Planned(update=update, there=there, listed=listed, facts=facts, card=card)


def write(door: HubDoor, planned: Planned, draw: Draw, wanted: Wanted) -> CardUpdate:
    """Make the commit that the plan has in mind; what goes wrong stands in the update."""
    update = planned.update
    if not update.writes:
        return update
    try:
        return replace(update, commit=_written(door, planned, draw, wanted))
    except BotError as error:
        return failed(update, error)


def _written(door: HubDoor, planned: Planned, draw: Draw, wanted: Wanted) -> str:
    update, facts, card = planned.update, planned.facts, planned.card
    assert facts is not None and card is not None and update.after is not None, "what writes was rendered"  # noqa: PT018
    _refuse_other_templates(card, wanted.own)
    kept = () if wanted.take == "mine" else update.kept
    there = planned.there
    before = None if wanted.everything else card_facts.kept_facts(door, there.repo, there.sha)
    figures = card_figures.to_commit(_manifest(there), planned.listed, before, facts, draw)
    whole = card_files(update.after, card.text, {card_facts.FILE: card_facts.encoded(facts), **figures})
    files = {path: data for path, data in whole.items() if path not in kept}
    message = (
        wanted.message or f"Card: template {card.template} at {(card.template_commit or 'no commit')[:12]}"
    )
    return commit(door, planned.there, renewed(_manifest(planned.there), card, files), files, message)


def _refuse_other_templates(card: Card, own: Path | None) -> None:
    """What is published names its templates' commit. Raises ConfigError where they are at another now."""
    now = commit_of(own or standard())
    if now != card.template_commit or (now or "").endswith("-dirty"):
        raise ConfigError(
            f"{own or standard()} is not as it was committed when the card was rendered: commit what changed "
            "there, and run it again"
        )


def _manifest(there: OnHub) -> Manifest:
    assert there.manifest is not None, "only what the bot made is looked at"
    return there.manifest
