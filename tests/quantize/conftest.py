"""Each architecture's tiny base is made and quantized once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bot import child
from bot.quantize import ModelFolders, QuantizeRequest
from bot.recipes.names import parse
from bot.records import ModelFolder, Recipe, Snapshot
from tests.models import snapshot_of, write_base

RECIPES = ("bf16", "qx64-hi", "qx86", "mxfp4")


class Family(NamedTuple):
    """A base and its quants."""

    snapshot: Snapshot
    quants: dict[str, ModelFolder]
    out: Path

    @property
    def base(self) -> Path:
        return Path(self.snapshot.path)


def request_for(
    snapshot: Snapshot, out: Path, *recipes: str | Recipe, largest: int = 1 << 30
) -> QuantizeRequest:
    said = tuple(parse(recipe) if isinstance(recipe, str) else recipe for recipe in recipes)
    names = tuple(f"Tiny-{recipe.name}-mlx" for recipe in said)
    return QuantizeRequest(snapshot=snapshot, recipes=said, out=str(out), names=names, largest_shard=largest)


def made(snapshot: Snapshot, out: Path, *recipes: str) -> dict[str, ModelFolder]:
    """Quantize in a child process, as the flow does."""
    answer = child.run(
        "bot.quantize", request_for(snapshot, out, *recipes), ModelFolders, log=out.with_suffix(".log")
    )
    return {folder.recipe: folder for folder in answer.items}


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Family]:
    """The family of a model_type."""
    families: dict[str, Family] = {}

    def of(model_type: str) -> Family:
        if model_type not in families:
            root = tmp_path_factory.mktemp(model_type)
            snapshot = snapshot_of(write_base(root / "base", model_type))
            families[model_type] = Family(snapshot, made(snapshot, root / "out", *RECIPES), root / "out")
        return families[model_type]

    return of
