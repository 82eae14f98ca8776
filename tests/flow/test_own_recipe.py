"""Recipes of a publisher's own: files beside the watchlist."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from bot.recipes.files import read_recipe
from tests.flow.conftest import ACCOUNT, BASE, Bot

TARGET = f"{ACCOUNT}/Tiny-Qwen3-mine-mlx"
OTHER = "rehearsal-bases/Tiny-LFM2-MoE"
MINE = """\
about: As qx64-hi, with the whole first layer at 8 bits.
like: qx64-hi
rules:
  - {role: first layer, pattern: '', layers: {only: 0}, bits: 8}
"""


@pytest.fixture
def mine(bot: Bot) -> Path:
    """A recipe in the folder that the watchlist names; nothing else is made."""
    path = bot.watchlist.parent / "recipes" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(MINE)
    bot.watchlist.write_text(bot.watchlist.read_text().replace("[qx64-hi]", "recipes/"))
    return path


def test_a_recipe_of_ones_own_is_published_and_made_again_when_it_is_edited(
    bot: Bot, reader: HfApi, mine: Path
) -> None:
    """The manifest holds the hash of what the file says, the card its rules; another width is an update."""
    bot.json("publish", BASE, "--yes")
    manifest = json.loads(Path(reader.hf_hub_download(TARGET, "qx_manifest.json")).read_text())
    assert (manifest["recipe"], manifest["recipe_hash"]) == ("mine", read_recipe(mine).hash)
    config = json.loads(Path(reader.hf_hub_download(TARGET, "config.json")).read_text())
    widths = {
        layer: config["quantization"][f"model.layers.{layer}.mlp.down_proj"]["bits"] for layer in (0, 1)
    }
    assert widths == {0: 8, 1: 4}
    card = Path(reader.hf_hub_download(TARGET, "README.md")).read_text()
    assert "As qx64-hi, with the whole first layer at 8 bits." in card
    assert "- First layer: 8 bits in layer 0." in card
    assert "Deckard" not in card

    for text, action in (
        (f"# the same\n{MINE}", "published"),
        (MINE.replace("8}", "6}"), "update"),
    ):
        mine.write_text(text)
        planned = bot.json("publish", BASE, "--dry-run")["plan"]["quants"]
        assert [(quant["repo"], quant["action"]) for quant in planned] == [(TARGET, action)]


def test_a_recipe_may_be_named_by_its_path(bot: Bot, mine: Path) -> None:
    """Without a folder in the watchlist, the file itself can be given."""
    planned = bot.json("publish", BASE, "--recipe", "./recipes/mine.yaml", "--dry-run")["plan"]
    assert planned["recipes"][0]["name"] == "mine"
    done = bot("publish", BASE, "--recipe", "miine", "--dry-run")
    assert (done.returncode, "did you mean mine" in done.stderr) == (2, True)


def test_a_broken_recipe_is_told_and_other_entries_go_on(bot: Bot, mine: Path) -> None:
    """Its file and line are said; what does not need it is planned all the same."""
    mine.write_text(MINE.replace("bits: 8", "bits: 7"))
    with bot.watchlist.open("a") as watchlist:
        watchlist.write(f"  - {{repo: {OTHER}, recipes: [q8]}}\n")
    says = f"{mine}:4: bits: '7' is no width that MLX has; write 2, 3, 4, 5, 6 or 8"

    seen = bot.json("watch", "--once")

    assert seen["recipes"] == [says]
    waits = {one["repo"]: one["waits"] for one in seen["decided"]}
    assert waits == {BASE: says, OTHER: "would be started by `bot run`"}
    done = bot("publish", BASE, "--yes")
    assert (done.returncode, done.stderr.strip()) == (3, f"bot: {says}")
