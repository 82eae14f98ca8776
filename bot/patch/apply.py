"""One quant patched: looked at once more, and one commit that the Hub takes only if nobody was faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import BotError, NeedsPerson, VerificationFailed
from bot.huggingface import HubDoor
from bot.patch import card
from bot.patch.decide import Fate, fate_now, renewed_manifest
from bot.patch.patch import Patch, PatchedRepo
from bot.patch.trial import Tried, outdated
from bot.patch.words import message, patched_facts, with_template
from bot.publish import ledger
from bot.publish.card_commit import commit, entry, renewed
from bot.publish.ledger import OnHub
from bot.records import Manifest, RepoFile

LOOKS = 2
"""How often a repo is decided on: once more when it moved on meanwhile, by somebody else or by a commit of
ours whose answer got lost."""


class Patching:
    """A patch on its way into the quants. `data`: the base's files by path, `own`: an account's templates.

    Cards are written from what `reading` sees: a door that remembers, where many quants are patched.
    """

    def __init__(
        self,
        door: HubDoor,
        patch: Patch,
        data: Mapping[str, bytes],
        *,
        own: Path | None = None,
        reading: HubDoor | None = None,
    ) -> None:
        self.door, self.patch, self.data, self.own = door, patch, data, own
        self.reading = reading or door
        self._new = {path: entry(path, content) for path, content in data.items()}

    def apply(self, repo: str, tried: Tried) -> PatchedRepo:
        """Patch one quant. What goes wrong with it is in the answer, not raised: its siblings go on."""
        try:
            if tried.complaints:
                raise VerificationFailed(
                    f"{repo} would not read text as its base does ({'; '.join(tried.complaints)}): it is "
                    "left as it is"
                )
            return self._applied(repo, tried)
        except BotError as error:
            return failed(repo, error)

    def _applied(self, repo: str, tried: Tried) -> PatchedRepo:
        for look in range(1, LOOKS + 1):
            there = ledger.look(self.door, repo)
            if there.manifest is None or there.manifest.base not in self._names():
                why = f"it is no longer a quant of {self.patch.base.repo} that the bot made"
                return PatchedRepo(repo=repo, status="left", error=why)
            listed = self.door.files(repo, there.sha)
            found = fate_now(self.patch, there.manifest, listed, self._new)
            if found.left:
                return PatchedRepo(repo=repo, status="left", error=found.left)
            if not found.due:
                return PatchedRepo(repo=repo, status="already", commit=there.sha)
            try:
                return self._committed(there, there.manifest, listed, found, tried)
            except NeedsPerson:
                if look == LOOKS:
                    raise
        raise AssertionError("the last look returns or raises")

    def _names(self) -> tuple[str, ...]:
        """What manifests may call the base: while a rename is on its way, both names."""
        return tuple(filter(None, (self.patch.base.repo, self.patch.renamed_to)))

    def _committed(
        self, there: OnHub, manifest: Manifest, listed: Sequence[RepoFile], found: Fate, tried: Tried
    ) -> PatchedRepo:
        today = datetime.now(UTC).date().isoformat()
        fresh = renewed_manifest(self.patch, manifest, today)
        written = card.Written(files={}, note=card.UNKNOWN)
        if (known := card.facts_there(self.reading, there, self._names())) is not None:
            said = "" if self.patch.marks else outdated(manifest.measurement, tried)
            facts = patched_facts(known.now, self.patch, fresh, found, said, today)
            if tried.chat_template_sha256 is not None:
                facts = with_template(facts, tried.chat_template_sha256)
            written = card.written(
                self.reading, there, listed, replaced=known.kept, facts=facts, own=self.own
            )
        files: dict[str, bytes | None] = {
            **written.files,
            **{path: self.data[path] for path in found.files},
            **dict.fromkeys(found.removed),
        }
        fresh = renewed(fresh, written.card or card.unnamed(manifest), files)
        sha = commit(self.door, there, fresh, files, message(self.patch, found))
        return PatchedRepo(
            repo=there.repo,
            status="patched",
            commit=sha,
            files=found.files,
            removed=found.removed,
            note=written.note,
        )


def failed(repo: str, error: BotError) -> PatchedRepo:
    """The end of a quant that went wrong."""
    return PatchedRepo(repo=repo, status="failed", error=str(error), error_kind=type(error).__name__)
