"""What a base holds, for a folder or a repo: nothing large is read, mlx-lm's model code runs in a child."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bot import child, settings
from bot.errors import NotFound, UnsuitableBase
from bot.recipes import InventoryRequest
from bot.recipes.headers import headers, local_headers
from bot.recipes.layout import Inventory
from bot.records import BaseRevision
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.huggingface import HubDoor

CONFIG_BYTES = 4 << 20
"""No honest config.json is larger; the largest known ones (per-layer quantization) have some 400 KB."""


def inventory_of(door: HubDoor, known: Settings, place: str, *, text_only: bool = False) -> Inventory:
    """The inventory of `place`: a folder, or a repo (`owner/name`, its default branch).

    Raises NotFound, NotAllowed, UnsuitableBase, HubUnavailable.
    """
    if Path(place).expanduser().is_dir():
        return of_folder(known, Path(place).expanduser(), text_only=text_only)
    if place.count("/") != 1 or place.startswith((".", "/", "~")):
        raise NotFound(f"{place} is no folder here and no repo: give a model's folder, or owner/name")
    base = door.base_revision(place)
    return of_repo(door, known, base, config_text(door, base), text_only=text_only)


def of_repo(
    door: HubDoor, known: Settings, base: BaseRevision, config: str, *, text_only: bool = False
) -> Inventory:
    """From config.json's text and the safetensors headers of one revision."""
    tensors = headers(door, base)
    return _asked(
        known, InventoryRequest(base=base.repo, config=config, tensors=tensors, text_only=text_only)
    )


def of_folder(known: Settings, folder: Path, *, text_only: bool = False) -> Inventory:
    """From config.json and the safetensors files in `folder`."""
    path = folder / "config.json"
    if not path.is_file():
        raise UnsuitableBase(f"{folder} has no config.json: it is no model that mlx-lm could load")
    tensors = local_headers(folder, folder.name)
    if not tensors:
        raise UnsuitableBase(f"{folder} holds no model*.safetensors that mlx-lm could load")
    config = path.read_text("utf-8", "replace")
    return _asked(
        known,
        InventoryRequest(base=folder.name, config=config, tensors=tensors, text_only=text_only),
    )


def config_text(door: HubDoor, base: BaseRevision) -> str:
    """config.json of that revision. Raises UnsuitableBase where there is none, or an absurd one."""
    size = next((f.size for f in base.files if f.path == "config.json"), None)
    if size is None:
        raise UnsuitableBase(f"{base.repo} has no config.json: it is no model that mlx-lm could load")
    if size > CONFIG_BYTES:
        raise UnsuitableBase(f"{base.repo}: config.json has {size} bytes, that is no model's config")
    return (door.read(base.repo, "config.json", base.sha) or b"{}").decode("utf-8", "replace")


def _asked(known: Settings, request: InventoryRequest) -> Inventory:
    return child.run(
        "bot.recipes.inventory",
        request,
        Inventory,
        log=known.state / "logs" / "inventory.txt",
        environment=settings.hub_environment(known),
    )
