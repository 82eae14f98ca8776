"""What a quant should hold: its base, packed by its recipe, or as the quant itself packs where none is known.

Pure: over what was read and loaded of both.
"""

from __future__ import annotations

from typing import Any

from bot.check.findings import Expected, Finding, Found, Metadata, Remark, Tokens
from bot.check.packing import as_packed
from bot.check.recipe_of import Claimed
from bot.check.repo_rules import says_text
from bot.errors import UnsuitableBase
from bot.publish.ledger import MANIFEST
from bot.recipes.layout import Inventory, Layout, lay
from bot.records import Manifest, Record
from bot.safetensors import Tensor

SENSES = ("vision_config", "audio_config")


class Base(Record, frozen=True, kw_only=True):
    """What was read of the base. `repo` and `sha` are empty for a folder."""

    name: str
    repo: str
    sha: str
    files: tuple[str, ...]
    config: dict[str, Any]
    generation: dict[str, Any] | None
    card: Metadata | None


class Loaded(Record, frozen=True, kw_only=True):
    """What was loaded, and for what was not the reason.

    The base's inventory without what it sees with (`text`) and with it (`whole`); the quant's tensors as
    mlx-lm has them then; the tokenizers.
    """

    text: Inventory | None
    whole: Inventory | None
    unsupported: str
    loaded: dict[str, Tensor] | None
    refusal: str
    base_tokens: Tokens | None
    no_base_tokens: str
    tokens: Tokens | None
    no_tokens: str


def expect(base: Base, found: Found, loaded: Loaded, claim: Claimed, manifest: Manifest | None) -> Expected:
    """What the quant should hold.

    Raises UnsuitableBase where the recipe that was asked for does not fit the base.
    """
    text_only = _text_only(found, loaded, manifest)
    sees = loaded.text is not None and loaded.text.text_only
    inventory = loaded.text if text_only else loaded.whole
    layout = _layout(inventory, found, claim) if inventory else None
    parts = inventory.parts if inventory else ()
    return Expected(
        tensors=layout.tensors if layout else None,
        quantization=layout.quantization if layout else {},
        bits_per_weight=layout.bits_per_weight if layout else None,
        base_files=base.files,
        tokens=loaded.base_tokens,
        recipe=layout.recipe if layout else "",
        exact=frozenset(name for part in parts for name in part.exact),
        by_others=manifest is None,
        sees=sees and not text_only,
        senses=frozenset() if text_only else _senses(loaded),
        text_only=sees and text_only,
        config=base.config,
        generation=base.generation,
        card=base.card,
        repo=base.repo,
    )


def _layout(inventory: Inventory, found: Found, claim: Claimed) -> Layout:
    """The base as the recipe packs it; where that cannot be told, as the quant itself does."""
    if claim.recipe is not None:
        try:
            return lay(claim.recipe, inventory)
        except UnsuitableBase:
            if claim.source == "option":
                raise
    return as_packed(inventory, found.tensors)


def _senses(loaded: Loaded) -> frozenset[str]:
    """The tensors that the base sees with and mlx-lm leaves out, by their names in the quant."""
    if loaded.text is None or loaded.whole is None:
        return frozenset()
    both = [
        {n for part in inventory.parts for n in part.tensors} for inventory in (loaded.whole, loaded.text)
    ]
    return frozenset(both[0] - both[1])


def _text_only(found: Found, loaded: Loaded, manifest: Manifest | None) -> bool:
    """True where the quant says that it does not see, or neither config nor tensors say that it does."""
    said = bool(manifest and manifest.text_only) or says_text(found.name)
    sees = any(found.config.get(key) for key in SENSES) or bool(_senses(loaded) & found.stored.keys())
    return said or not sees


def not_compared(
    base: Base, found: Found, loaded: Loaded, claim: Claimed, expected: Expected
) -> tuple[str, ...]:
    """In a sentence each, what cannot be told, and why."""
    said = [f"widths and bits per weight: {claim.why}"] if claim.why else []
    if claim.recipe is not None and not expected.recipe and expected.tensors is not None:
        said.append(f"widths and bits per weight: {claim.name} does not fit this base")
    if loaded.unsupported:
        said.append(f"tensors against the base's: {loaded.unsupported}")
    if found.broken:
        said.append("tensors against the base's: not all of the quant's can be read")
    if loaded.no_base_tokens:
        said.append(f"token ids and chat template, of the base: {loaded.no_base_tokens}")
    if not base.repo:
        said.append("README.md's base_model: the base is a folder, whose repo is not known")
    return tuple(said)


def of_manifest(base: Base, manifest: Manifest | None) -> tuple[Finding, ...]:
    """What the quant's own manifest says of its base."""
    if manifest is None or not base.repo:
        return ()
    if manifest.base.lower() != base.repo.lower():
        return (Finding(kind="base_model", where=MANIFEST, text=f"it was made of {manifest.base}"),)
    if manifest.base_sha != base.sha:
        text = f"it was made of another revision, {base.repo}@{manifest.base_sha}"
        return (Remark(kind="revision", where=MANIFEST, text=text),)
    return ()
