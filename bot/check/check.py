"""The edge of the conformance check: anybody's quant against its base, each a folder or a repo.

Of a repo only small files and safetensors headers are read. What mlx-lm and transformers make of them is
asked of a child process (`loading.py`); `conformance.py` judges.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bot.check import conformance
from bot.check.expecting import Base, Loaded, expect, not_compared, of_manifest
from bot.check.findings import Finding, Found, Remark
from bot.check.packing import packed_paths
from bot.check.place import Folder, Repo, headers, place, read_json, read_metadata, small_files, whole
from bot.check.recipe_of import Claimed, Source, claimed
from bot.check.tensor_rules import bits_per_weight
from bot.errors import UnsuitableBase
from bot.fetch.select import INDEX, WEIGHTS
from bot.huggingface import HubDoor
from bot.publish.ledger import MANIFEST, parse_manifest
from bot.recipes.bases import asked
from bot.recipes.book import Book
from bot.records import Record
from bot.safetensors import Tensor
from bot.settings import Settings

GENERATION = "generation_config.json"


class Side(Record, frozen=True, kw_only=True):
    """One of the two models: its name, what its headers say, the folder of its small files."""

    name: str
    tensors: dict[str, Tensor]
    folder: str


class LoadingRequest(Record, frozen=True, kw_only=True):
    """What is to be loaded. A side without `tensors` has broken ones: only its tokenizer is."""

    base: Side
    quant: Side


class Verdict(Record, frozen=True, kw_only=True):
    """What the check found. `ok`: nothing is wrong; `not_checked` says what was not compared, and why."""

    quant: str
    base: str
    ok: bool
    recipe: str | None
    recipe_source: Source
    bits_per_weight: float | None
    expected_bits_per_weight: float | None
    violations: tuple[Finding, ...]
    remarks: tuple[Finding, ...]
    not_checked: tuple[str, ...]


def check(
    door: HubDoor,
    known: Settings,
    quant: str,
    base: str,
    book: Book,
    recipe: str | None = None,
) -> Verdict:
    """Hold `quant` against `base`; each is a folder, `owner/name` or `owner/name@revision`.

    `recipe`: one that `book` knows; without it what the quant's manifest or its name says. Raises UsageError,
    ConfigError, NotFound, NeedsPerson, NotAllowed, HubUnavailable; UnsuitableBase where one of the two is no
    model, `quant` no MLX quant, or one of another architecture.
    """
    mine, theirs = place(door, quant), place(door, base)
    manifest = parse_manifest(mine.read(MANIFEST) or b"")
    claim = claimed(book, recipe, manifest, mine.name.rsplit("/", 1)[-1])
    found, of_base = held(mine), _base(theirs)
    _refuse(mine.name, of_base, found, claim)
    with tempfile.TemporaryDirectory(prefix="qx-bot-check-") as scratch:
        request = LoadingRequest(
            base=_side(theirs, Path(scratch) / "base", whole(theirs.name, headers(theirs))),
            quant=_side(mine, Path(scratch) / "quant", {} if found.broken else found.stored),
        )
        loaded = asked(known, "bot.check.loading", request, Loaded)
    found = msgspec.structs.replace(
        found,
        tokens=loaded.tokens,
        refused_tokens=loaded.no_tokens,
        loaded=loaded.loaded,
        refusal=loaded.refusal,
    )
    expected = expect(of_base, found, loaded, claim, manifest)
    said = (*conformance.findings(expected, found), *of_manifest(of_base, manifest))
    wrong = tuple(finding for finding in said if not isinstance(finding, Remark))
    return Verdict(
        quant=mine.name,
        base=theirs.name,
        ok=not wrong,
        recipe=claim.name or None,
        recipe_source=claim.source,
        bits_per_weight=bits_per_weight(expected, found),
        expected_bits_per_weight=expected.bits_per_weight if expected.recipe else None,
        violations=wrong,
        remarks=tuple(finding for finding in said if isinstance(finding, Remark)),
        not_checked=not_compared(of_base, found, loaded, claim, expected),
    )


def held(where: Folder | Repo) -> Found:
    """What a quant holds, its tokenizer aside. Raises UnsuitableBase where config.json is none."""
    read = headers(where)
    corrupt = {header.path: header.wrong for header in read if header.wrong}
    weight_map: dict[str, str] | None = None
    try:
        index = read_json(where, INDEX)
        if index is not None:
            weight_map = msgspec.convert(index.get("weight_map"), dict[str, str])
    except ValueError as error:
        corrupt[INDEX] = "has no weight_map" if isinstance(error, msgspec.ValidationError) else str(error)
    return Found(
        shards={header.path: header.tensors for header in read if not header.wrong},
        formats={header.path: header.format for header in read if not header.wrong},
        weight_map=weight_map,
        config=_config(where),
        files=tuple(file.path for file in where.files),
        tokens=None,
        corrupt=corrupt,
        generation=_generation(where),
        card=read_metadata(where),
        name=where.name.rsplit("/", 1)[-1],
    )


def _base(where: Folder | Repo) -> Base:
    return Base(
        name=where.name,
        repo=where.repo,
        sha=where.sha,
        files=tuple(file.path for file in where.files),
        config=_config(where),
        generation=_generation(where),
        card=read_metadata(where),
    )


def _config(where: Folder | Repo) -> dict[str, Any]:
    try:
        config = read_json(where, "config.json")
    except ValueError as error:
        raise UnsuitableBase(f"{where.name}: config.json {error}") from None
    if config is None:
        raise UnsuitableBase(f"{where.name} has no config.json: it is no model that mlx-lm could load")
    return config


def _generation(where: Folder | Repo) -> dict[str, Any] | None:
    try:
        return read_json(where, GENERATION)
    except ValueError:
        return None  # mlx-lm goes on without one that it cannot read


def _side(where: Folder | Repo, scratch: Path, tensors: dict[str, Tensor]) -> Side:
    return Side(name=where.name, tensors=tensors, folder=str(small_files(where, scratch)))


def _refuse(quant: str, base: Base, found: Found, claim: Claimed) -> None:
    """Raise UnsuitableBase for what is no MLX quant, or one of another architecture."""
    if not any(Path(file).match(WEIGHTS) for file in found.files):
        raise UnsuitableBase(f"{quant} holds no {WEIGHTS}: only quants in MLX's format can be checked")
    foreign = found.config.get("quantization_config")
    if "quantization" not in found.config and isinstance(foreign, dict) and "quant_method" in foreign:
        method = str(foreign["quant_method"])[:40]
        raise UnsuitableBase(f"{quant} is quantized in the format {method!r}: it is no MLX quant")
    packed = packed_paths(found.stored) or "mlx" in found.formats.values()
    if not packed and not found.broken and not claim.name:
        raise UnsuitableBase(
            f"{quant} is no MLX quant: none of its modules is packed, no file says format: mlx"
        )
    mine, theirs = found.config.get("model_type"), base.config.get("model_type")
    if mine != theirs:
        raise UnsuitableBase(
            f"{quant} has the architecture {str(mine)[:40]!r} and {base.name} {str(theirs)[:40]!r}: "
            "name the base that it was made of"
        )
