"""What is asked for: the watchlist, the command line, and the recipes that both name."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from bot.errors import ConfigError, UsageError
from bot.huggingface import HubDoor, Identity
from bot.plan.wishes import DEFAULT_RECIPES, wishes_for
from bot.recipes.names import parse
from bot.records import Recipe
from bot.settings import Settings

RULE = "rules: [{role: all, pattern: '', bits: 4}]\n"


class Door:
    """A Hub that knows who asks, and nothing else."""

    def whoami(self) -> Identity:
        return Identity(name="me", role="write")


def asked(watchlist: Path, *recipes: str, repo: str = "a/b") -> tuple[Recipe, ...]:
    known = Settings(home=watchlist.parent / "home", watchlist=watchlist)
    return wishes_for(cast(HubDoor, Door()), known, repo, None, recipes=recipes).recipes


@pytest.fixture
def watchlist(tmp_path: Path) -> Path:
    """A watchlist with a folder of two recipes, the second of them broken."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "wide.yaml").write_text(RULE)
    (folder / "broken.yaml").write_text("rules: []\n")
    path = tmp_path / "watchlist.yaml"
    path.write_text("recipes: [recipes/, wide]\nrepos: [{repo: a/b, recipes: [q8, wide]}]\n")
    return path


def test_recipes_come_from_the_command_the_entry_the_top_or_the_usual_ones(
    watchlist: Path, tmp_path: Path
) -> None:
    """The nearest word counts; without any, the family of the published cards is made."""
    assert [recipe.name for recipe in asked(watchlist, "q6")] == ["q6"]
    assert [recipe.name for recipe in asked(watchlist)] == ["q8", "wide"]
    assert [recipe.name for recipe in asked(watchlist, repo="c/d")] == ["wide"]
    assert asked(tmp_path / "none.yaml") == tuple(map(parse, DEFAULT_RECIPES))


def test_only_what_is_asked_for_is_read(watchlist: Path) -> None:
    """A broken file beside is no hindrance; asked for, it is named with its line."""
    assert asked(watchlist, "wide")
    with pytest.raises(ConfigError, match=r"recipes/broken\.yaml:1: rules: it has no rules"):
        asked(watchlist, "broken")


def test_two_recipes_of_one_name_are_not_mistaken_for_one(watchlist: Path, tmp_path: Path) -> None:
    """They would go to one repo; a recipe that is named twice is one."""
    other = tmp_path / "other" / "wide.yaml"
    other.parent.mkdir()
    other.write_text(RULE.replace("4", "5"))
    assert len(asked(watchlist, "wide", str(watchlist.parent / "recipes" / "wide.yaml"), "wide")) == 1
    with pytest.raises(UsageError, match="are both called wide: rename one"):
        asked(watchlist, "wide", str(other))
