"""From what was read of a repo to what it is. Pure, and careful: upstream's metadata may be anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from bot.adopt import card_numbers
from bot.adopt.adopted import Adopted, BaseFrom, Made
from bot.adopt.names import Named, named
from bot.adopt.stored import in_words, settled, stored
from bot.card.facts import Facts
from bot.publish.ledger import MANIFEST, parse_manifest
from bot.records import Manifest, Record, RepoFile
from bot.review.claims.own_tables import facts_of

FILES = 2000
"""Files of one repo that are kept in the ledger; the largest models have some two hundred."""

_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9._-]{1,96}")
_RELATIONS = ("quantized", "finetune", "adapter", "merge")


class Seen(Record, frozen=True, kw_only=True):
    """What the Hub said of one repo. `base_model` is the metadata's, whatever it holds; None: not read."""

    repo: str
    sha: str
    private: bool = False
    tags: tuple[str, ...] = ()
    base_model: Any = None
    relation: Any = None
    files: tuple[RepoFile, ...] = ()
    readme: str | None = None
    config: bytes | None = None
    manifest: bytes | None = None
    notes: tuple[str, ...] = ()


def is_quant(repo: str, tags: Iterable[str], files: Iterable[RepoFile]) -> bool:
    """Whether it holds weights for MLX: safetensors and a config, and it says so in its tags or its name."""
    paths = {file.path for file in files}
    has_weights = "config.json" in paths and any(is_weight(path) for path in paths)
    return has_weights and ("mlx" in {tag.lower() for tag in tags} or named(repo.split("/", 1)[1]).mlx)


def is_weight(path: str) -> bool:
    """Whether mlx-lm would load it: safetensors beside config.json."""
    return path.endswith(".safetensors") and "/" not in path


def recognise(seen: Seen) -> Adopted:
    """What this repo is, as far as it says so itself. `with_siblings` may know more."""
    manifest = own_manifest(seen.repo, seen.manifest)
    plain = Adopted(
        repo=seen.repo,
        sha=seen.sha,
        private=seen.private,
        quant=is_quant(seen.repo, seen.tags, seen.files),
        size_bytes=sum(file.size for file in seen.files if is_weight(file.path)),
        files=seen.files[:FILES],
        notes=(*seen.notes, *_more(seen.files)),
    )
    if manifest is not None:
        return _made(plain, manifest, seen.files)
    if seen.manifest is not None:
        told = f"its {MANIFEST} is that of another repo or cannot be read, so it counts as not made here"
        plain = replace(plain, notes=(*plain.notes, told))
    return _adopted(plain, seen) if plain.quant else plain


def own_manifest(repo: str, data: bytes | None) -> Manifest | None:
    """The manifest that the bot wrote for this very repo; None for a copy, or what cannot be read."""
    found = parse_manifest(data) if data is not None else None
    return found if found is not None and found.repo == repo else None


def _more(files: Sequence[RepoFile]) -> tuple[str, ...]:
    more = len(files) - FILES
    return (f"{more} of its {len(files)} files are not kept in the ledger",) if more > 0 else ()


def _made(plain: Adopted, manifest: Manifest, files: Iterable[RepoFile]) -> Adopted:
    made = Made(
        manifest_oid=manifest_oid(files),
        bits_per_weight=manifest.bits_per_weight,
        collections=manifest.collections,
        versions=versions_of(manifest),
        made_with=manifest.evidence.versions if manifest.evidence else {},
        files=manifest.files[:FILES],
    )
    return replace(
        plain,
        base=manifest.base,
        base_name=manifest.base.split("/", 1)[-1],
        base_from="manifest",
        relation="quantized",
        recipe=replace(plain.recipe, name=manifest.recipe, confidence="certain"),
        made=made,
    )


def versions_of(manifest: Manifest) -> dict[str, str]:
    """The tools that made and measured it. What it was measured with counts where the two differ."""
    made = manifest.evidence.versions if manifest.evidence else {}
    return {**made, **(manifest.measurement.versions if manifest.measurement else {})}


def manifest_oid(files: Iterable[RepoFile]) -> str:
    """The git blob of the manifest in a listing; empty where there is none."""
    return next((file.oid for file in files if file.path == MANIFEST), "")


def _adopted(plain: Adopted, seen: Seen) -> Adopted:
    name = seen.repo.split("/", 1)[1]
    told, notes = named(name), list(plain.notes)
    card = _facts(seen.readme, name, notes)
    base, base_from = _base(seen, told, card, notes)
    kept = stored(seen.config)
    if kept is None:
        notes.append("its config.json cannot be read")
    guess = settled(told.guess, kept)
    if guess.confidence == "contradicted" and kept is not None:
        notes.append(f"its name says {guess.name}, its config.json {in_words(kept)}")
    return replace(
        plain,
        base=base,
        base_name=told.base,
        base_from=base_from,
        relation=seen.relation if seen.relation in _RELATIONS else "",
        recipe=guess,
        stored=kept,
        reported=card_numbers.reported(seen.readme or "", card) if card else (),
        notes=tuple(notes),
    )


def _facts(readme: str | None, name: str, notes: list[str]) -> Facts | None:
    """The card's own facts; a note where it holds what nobody can make sense of."""
    if readme is None:
        return None
    try:
        return facts_of(readme, name)
    except (ValueError, LookupError, TypeError, RecursionError):
        notes.append("its card's tables cannot be read")
        return None


def _base(seen: Seen, told: Named, card: Facts | None, notes: list[str]) -> tuple[str, BaseFrom]:
    """The base, from the metadata, the card's own words, or (without an owner) the name."""
    listed = seen.base_model if isinstance(seen.base_model, list) else [seen.base_model]
    repos = [each for each in listed[:50] if isinstance(each, str) and _REPO.fullmatch(each)]
    repos = [each for each in repos if each.lower() != seen.repo.lower()]
    if seen.base_model is not None and not repos:
        notes.append("the base_model of its metadata is no repo")
    same = [each for each in repos if each.split("/", 1)[1].lower() == told.base.lower()]
    if len(repos) > 1 and len(same) != 1:
        notes.append(f"its metadata names {len(repos)} bases, the first is taken")
    if repos:
        return (same or repos)[0], "metadata"
    if card is not None and _REPO.fullmatch(card.base_model) and card.base_model.lower() != seen.repo.lower():
        return card.base_model, "card"
    return "", "name"


def with_siblings(found: Sequence[Adopted]) -> tuple[Adopted, ...]:
    """The same, and the owner of a base that only its name was known of, where all other repos that are named
    after it agree on one."""
    owners: dict[str, set[str]] = {}
    for each in found:
        if each.base and each.base_from in ("manifest", "metadata", "card"):
            owners.setdefault(each.base.split("/", 1)[1].lower(), set()).add(each.base)
    return tuple(_with_owner(each, owners.get(each.base_name.lower(), set())) for each in found)


def _with_owner(each: Adopted, bases: set[str]) -> Adopted:
    if each.base_from not in ("name", "sibling") or not each.quant:
        return each
    if len(bases) != 1:
        return replace(each, base="", base_from="name")
    return replace(each, base=next(iter(bases)), base_from="sibling")
