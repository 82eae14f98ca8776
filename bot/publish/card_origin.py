"""What the bot last wrote as a repo's card: the base from which a person's edits are told.

measurements/rendered.md     only beside a README.md that holds a person's edits: the card without them
the repo's history           else: the newest README.md with the hash that the manifest gives
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from bot.card.figures import FOLDER
from bot.errors import NeedsPerson
from bot.hub_errors import patiently
from bot.huggingface import HubDoor
from bot.publish import outcomes
from bot.publish.card_decision import CardUpdate
from bot.publish.files import CARD, differences
from bot.publish.ledger import OnHub
from bot.records import Card, Manifest, RepoFile

RENDERED = f"{outcomes.FOLDER}/rendered.md"
_FOLDERS = (f"{outcomes.FOLDER}/", f"{FOLDER}/")
COMMITS = 200
"""How far back the history is searched: hand edits since the bot's last commit, and no more."""


def by_hand(manifest: Manifest, listed: Iterable[RepoFile]) -> tuple[str, ...]:
    """The files that stand on the Hub otherwise than the bot wrote them, and those it writes and did not."""
    there = {file.path: file for file in listed}
    known = {file.path for file in manifest.files}
    others = (
        ours.path
        for ours in manifest.files
        if differences([ours], [there[ours.path]] if ours.path in there else [])
    )
    strangers = (path for path in there.keys() - known if path == CARD or path.startswith(_FOLDERS))
    return (*others, *sorted(strangers))


def last_written(door: HubDoor, repo: str, sha: str, manifest: Manifest) -> str | None:
    """The card as the bot wrote it last, before `sha`. None where neither place has it."""
    files = {file.path: file for file in manifest.files}
    if RENDERED in files:
        return _text(door.read(repo, RENDERED, sha), files[RENDERED])
    if CARD not in files:
        return None
    commits = patiently(lambda: door.api.list_repo_commits(repo, revision=sha), repo, attempts=4)
    texts = (_text(door.read(repo, CARD, commit.commit_id), files[CARD]) for commit in commits[:COMMITS])
    return next((text for text in texts if text is not None), None)


def as_it_stands(door: HubDoor, there: OnHub, changed: Sequence[str], card: Card) -> CardUpdate:
    """The three texts of an update: the card there, what the bot wrote last, and what it writes now.

    `changed` as `by_hand` gives it. Raises NeedsPerson where what stands on the Hub is no text.
    """
    manifest = there.manifest
    assert manifest is not None, "only what the bot made is updated"
    data = door.read(there.repo, CARD, there.sha)
    try:
        before = data.decode("utf-8") if data is not None else None
    except UnicodeDecodeError:
        raise NeedsPerson(f"{there.repo}: README.md on the Hub is no UTF-8 text: mend it there") from None
    edited = CARD in changed or any(file.path == RENDERED for file in manifest.files)
    return CardUpdate(
        repo=there.repo,
        status="unchanged",
        before=before,
        base=last_written(door, there.repo, there.sha, manifest) if edited else before,
        rendered=card.text,
        edited=edited,
        kept=tuple(path for path in changed if path not in (CARD, RENDERED)),
    )


def _text(data: bytes | None, entry: RepoFile) -> str | None:
    if data is None or hashlib.sha256(data).hexdigest() != entry.sha256:
        return None
    return data.decode("utf-8", errors="replace")
