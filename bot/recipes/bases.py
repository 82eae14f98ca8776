"""A base on disk or on the Hub, as far as recipes need it: config.json and headers; nothing large is read.

mlx-lm's model code, which names and shapes the tensors, runs in a child process.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from bot import child, settings
from bot.errors import NotFound, UnsuitableBase
from bot.recipes import SENSES, InventoryRequest
from bot.recipes.headers import headers, local_headers
from bot.recipes.layout import Inventory
from bot.records import BaseRevision, Record
from bot.safetensors import Tensor
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.huggingface import HubDoor

CONFIG_BYTES = 1 << 20
"""No honest config.json is larger; the largest known ones (per-layer quantization) have some 400 KB."""

R = TypeVar("R", bound=msgspec.Struct)


class Described(Record, frozen=True, kw_only=True):
    """A base's name for messages, the text of its config.json, and what its safetensors headers say."""

    name: str
    config: str
    tensors: dict[str, Tensor]

    @property
    def has_senses(self) -> bool:
        """True when config.json speaks of sight or hearing; False also where it is no JSON."""
        try:
            config = msgspec.json.decode(self.config, type=dict[str, object])
        except (msgspec.DecodeError, RecursionError):
            return False
        return any(config.get(key) for key in SENSES)


def described(door: HubDoor, place: str) -> Described:
    """`place` is a folder, or a repo (`owner/name`, its default branch).

    Raises NotFound, NotAllowed, UnsuitableBase, HubUnavailable.
    """
    if Path(place).expanduser().is_dir():
        return of_folder(Path(place).expanduser())
    if place.count("/") != 1 or place.startswith((".", "/", "~")):
        raise NotFound(f"{place} is no folder here and no repo: give a model's folder, or owner/name")
    return of_repo(door, door.base_revision(place))


def of_repo(door: HubDoor, base: BaseRevision) -> Described:
    """One revision of a repo, by range requests."""
    return Described(name=base.repo, config=_config(door, base), tensors=headers(door, base))


def of_folder(folder: Path) -> Described:
    """A model's folder. Raises NotFound, UnsuitableBase."""
    if not folder.is_dir():
        raise NotFound(f"{folder} is no folder: give the folder of a base model")
    path = folder / "config.json"
    if not path.is_file():
        raise UnsuitableBase(f"{folder} has no config.json: it is no model that mlx-lm could load")
    name = folder.resolve().name
    tensors = local_headers(folder, name)
    if not tensors:
        raise UnsuitableBase(f"{folder} holds no model*.safetensors that mlx-lm could load")
    return Described(name=name, config=path.read_text("utf-8", "replace"), tensors=tensors)


def _config(door: HubDoor, base: BaseRevision) -> str:
    size = next((f.size for f in base.files if f.path == "config.json"), None)
    if size is None:
        raise UnsuitableBase(f"{base.repo} has no config.json: it is no model that mlx-lm could load")
    if size > CONFIG_BYTES:
        raise UnsuitableBase(f"{base.repo}: config.json has {size} bytes, that is no model's config")
    return (door.read(base.repo, "config.json", base.sha) or b"{}").decode("utf-8", "replace")


def inventory_of(known: Settings, base: Described, *, text_only: bool = False) -> Inventory:
    """What the base holds; with `text_only` without what it sees with. Raises UnsuitableBase."""
    request = InventoryRequest(base=base.name, config=base.config, tensors=base.tensors, text_only=text_only)
    return asked(known, "bot.recipes.inventory", request, Inventory)


def asked(known: Settings, module: str, request: msgspec.Struct, result: type[R]) -> R:
    """The answer of a child that imports mlx-lm, its log among the bot's."""
    return child.run(
        module,
        request,
        result,
        log=known.state / "logs" / f"{module.rpartition('.')[2]}.txt",
        environment=settings.hub_environment(known),
    )
