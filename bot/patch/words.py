"""What a card says of a patch, and what the facts become. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from bot.card.facts import Facts, Unmeasured, Update
from bot.patch.decide import Fate
from bot.patch.patch import Patch
from bot.records import BaseRevision, Manifest, Sibling
from bot.watch.changes import kind_of_file


def patched_facts(
    facts: Facts, patch: Patch, fresh: Manifest, found: Fate, outdated: str, today: str
) -> Facts:
    """The facts with one more line in their updates, newest first; after a rename with the new name.

    `fresh` is the manifest as it will be, `outdated` what is to be said of the scores. No number changes:
    the base's revision in the facts stays the one that weights and measurements are of. License, languages
    and tags follow the base's card.
    """
    line = Update(date=today, why=_why(patch, fresh, found, outdated), files=found.files)
    facts = replace(facts, updates=(line, *facts.updates), base_gone=fresh.base_gone or None)
    if patch.kind == "renamed" and patch.renamed_to:
        return _renamed(facts, patch.renamed_to)
    return facts if patch.marks else _as_upstream(facts, patch.base)


def _as_upstream(facts: Facts, now: BaseRevision) -> Facts:
    known = facts.measured
    if known is None:
        return facts
    base = replace(
        known.base,
        license=now.license,
        license_name=now.license_name,
        license_link=now.license_link,
        gated=now.gated,
        language=now.language,
        tags=now.tags,
    )
    return replace(facts, measured=replace(known, base=base))


def _renamed(facts: Facts, name: str) -> Facts:
    """The base under its new name, wherever the facts name it; the quant keeps its own."""
    known = facts.measured
    if known is None:
        return replace(facts, base_model=name)
    measured = known.base_measurement
    if measured is not None and measured.name == known.base.repo:
        measured = replace(measured, name=name)
    base = replace(known.base, repo=name)
    return replace(facts, base_model=name, measured=replace(known, base=base, base_measurement=measured))


def with_template(facts: Facts, sha256: str | None) -> Facts:
    """The facts with the chat template that the files hold now, by its hash."""
    known = facts.measured
    return replace(facts, measured=replace(known, chat_template_now=sha256)) if known else facts


def with_siblings(facts: Facts, siblings: Iterable[Sibling], adopted: tuple[Unmeasured, ...]) -> Facts:
    """The facts with these siblings, measured and adopted, and the rivals that they name already."""
    known = facts.measured
    if known is None:
        return facts
    rivals = (sibling for sibling in known.siblings if sibling.recipe == sibling.repo)
    mine = (sibling for sibling in siblings if sibling.repo != facts.repo)
    return replace(facts, measured=replace(known, siblings=(*mine, *rivals), adopted=adopted))


def _why(patch: Patch, fresh: Manifest, found: Fate, outdated: str) -> str:
    if patch.kind == "renamed":
        return f"the base is called {patch.renamed_to} now, it was {patch.base.repo}; nothing else changed"
    if patch.kind == "gone":
        since = f", as seen on {fresh.base_gone}" if fresh.base_gone else ""
        return (
            f"{patch.base.repo} is no longer on the Hub{since}: it was deleted or made private; this quant, "
            f"made of its revision {(fresh.weights_sha or fresh.base_sha)[:12]}, stays"
        )
    said = [_what(found, fresh)]
    if found.removed:
        said.append(f"{', '.join(found.removed)} is gone there and here")
    if outdated:
        said.append(outdated)
    return "; ".join(said)


def _what(found: Fate, fresh: Manifest) -> str:
    """Which files are of which revision, and which revision the weights are of."""
    weights = fresh.weights_sha or fresh.base_sha
    stay = f"the weights are those of revision {weights[:12]}, as before"
    if not (found.files or found.removed):
        return f"the base is at revision {fresh.base_sha[:12]}; no file of this quant changed"
    return f"{_named(found)} of revision {fresh.base_sha[:12]} of the base; {stay}"


def _named(found: Fate) -> str:
    """What the files are, as people call them."""
    paths = (*found.files, *found.removed)
    templates = [path for path in paths if "chat_template" in path]
    kinds = {kind_of_file(path) for path in paths if path not in templates}
    words = [
        *(["tokenizer"] if "tokenizer" in kinds else []),
        *(["chat template"] if templates else []),
        *(["generation config"] if "generation_config" in kinds else []),
        *(["license"] if "license" in kinds else []),
        *(["other small files"] if "other" in kinds else []),
    ]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def message(patch: Patch, found: Fate) -> str:
    """The commit's message."""
    if patch.kind == "renamed":
        return f"The base is called {patch.renamed_to} now"
    if patch.kind == "gone":
        return f"{patch.base.repo} is no longer on the Hub"
    if not (found.files or found.removed):
        return f"{patch.base.repo} is at {patch.base.sha[:12]}; the weights stay"
    return f"{_named(found).capitalize()} of {patch.base.repo} at {patch.base.sha[:12]}; the weights stay"
