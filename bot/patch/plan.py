"""The edge of a patch's decision: which quants of the base stand on the account, and how each stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.errors import NotFound, UsageError
from bot.hub_errors import patiently
from bot.huggingface import HubDoor
from bot.patch.decide import Fate, fate, fate_of_mark
from bot.patch.patch import LeftAlone, Patch
from bot.publish import ledger
from bot.publish.ledger import OnHub
from bot.records import BaseRevision, Change, Manifest
from bot.settings import Settings


def plan_patch(
    door: HubDoor,
    settings: Settings,
    change: Change,
    before: BaseRevision | None,
    after: BaseRevision | None,
    account: str,
) -> Patch:
    """What `change` of a base means for the quants that `account` has of it.

    `before` is the revision taken up last, `after` the one now: None where the base is gone, the same under
    its new name where it is renamed. What a quant was made of is looked up by its manifest, so that one which
    missed an earlier patch gets both. A change of the license is a patch too, for when a person has said yes
    to the new terms: it brings the license's text, and the cards name it.

    A patch without `repos` leaves nothing to do. Raises UsageError for a change that tells too little,
    UnsuitableBase for file names that leave their folder, and what the Hub's errors translate to.
    """
    base = _base(change, before, after)
    quants = quants_of(door, account, base.repo)
    if change.kind in ("renamed", "gone"):
        fates = {there.repo: fate_of_mark(change.kind, _manifest(there)) for there in quants}
    else:
        revision = _revisions(door, base, before)
        terms = change.kind == "license"
        fates = {there.repo: _fate(door, there, revision, base, terms) for there in quants}
    due = {repo: found for repo, found in fates.items() if found.due and not found.left}
    made_of = {_manifest(there).base_sha for there in quants if there.repo in due}
    known = before.sha if before is not None else min(made_of, default="")
    return Patch(
        base=base,
        before=known,
        kind=change.kind,
        account=account,
        endpoint=settings.endpoint,
        files=_together(found.files for found in due.values()),
        removed=_together(found.removed for found in due.values()),
        repos=tuple(sorted(due)),
        renamed_to=_new_name(change, after) if change.kind == "renamed" else None,
        why=_why(change),
        earlier=tuple(sorted(made_of - {known})),
        left=tuple(
            LeftAlone(repo=repo, why=found.left) for repo, found in sorted(fates.items()) if found.left
        ),
        seen_at=change.seen_at,
    )


def quants_of(door: HubDoor, account: str, base: str) -> list[OnHub]:
    """The account's quants of this base that the bot made, public and private, in the order of their names.

    Those named after it, and those whose card names it: a base that was renamed has quants of its old name.
    """
    found = {there.repo: there for there in ledger.made_of(door, account, base)}
    tagged = patiently(
        lambda: [model.id for model in door.api.list_models(author=account, filter=f"base_model:{base}")],
        f"the listing of {account}",
        attempts=4,
    )
    for repo in tagged:
        there = ledger.look(door, repo) if repo not in found else None
        if there is not None and there.manifest is not None and there.manifest.base == base:
            found[repo] = there
    return [found[repo] for repo in sorted(found)]


def _base(change: Change, before: BaseRevision | None, after: BaseRevision | None) -> BaseRevision:
    """The new revision under the name that the quants know. Raises UsageError where none is known."""
    if change.kind == "renamed" and _new_name(change, after) is None:
        raise UsageError(f"{change.repo} is renamed, and nothing says to what: look at it again")
    if change.kind in ("renamed", "gone"):
        return before or BaseRevision(repo=change.repo, sha=change.before or change.sha)
    if after is None:
        raise UsageError(f"{change.repo} at {change.sha[:12]} was not looked up: look at it again")
    return after


def _new_name(change: Change, after: BaseRevision | None) -> str | None:
    if change.renamed_to:
        return change.renamed_to
    return after.repo if after is not None and after.repo != change.repo else None


def _revisions(
    door: HubDoor, after: BaseRevision, before: BaseRevision | None
) -> Callable[[str], BaseRevision | None]:
    """Looks up the base at a commit, each once; None where the Hub has it no more."""
    known: dict[str, BaseRevision | None] = {after.sha: after}
    if before is not None:
        known[before.sha] = before

    def revision(sha: str) -> BaseRevision | None:
        if sha not in known:
            try:
                known[sha] = door.base_revision(after.repo, sha)
            except NotFound:
                known[sha] = None
        return known[sha]

    return revision


def _fate(
    door: HubDoor,
    there: OnHub,
    revision: Callable[[str], BaseRevision | None],
    after: BaseRevision,
    terms: bool,
) -> Fate:
    manifest = _manifest(there)
    listed = door.files(there.repo, there.sha)
    return fate(manifest, listed, revision(manifest.base_sha), after, terms=terms)


def _together(each: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({path for paths in each for path in paths}))


def _why(change: Change) -> str:
    words = {
        "renamed": f"{change.repo} is called {change.renamed_to or 'something else'} now",
        "gone": f"{change.repo} is not on the Hub any more",
    }
    return words.get(change.kind, f"the {change.kind} of {change.repo} changed".replace("_", " "))


def _manifest(there: OnHub) -> Manifest:
    assert there.manifest is not None, "only what the bot made is looked at"
    return there.manifest
