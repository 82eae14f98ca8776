"""`recipes:` in a watchlist: names, and folders of people's own."""
# ruff: noqa: E501  each message stands on one line, as it is said

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.watch.watchlist import Watchlist, entry_for, load_watchlist

RULE = "rules: [{role: all, pattern: '', bits: 4}]\n"
REPOS = "repos: [{repo: a/b}]\n"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder beside which a watchlist lies, with one more folder of recipes elsewhere."""
    for name in ("conf/recipes/wide.yaml", "conf/recipes/narrow.yaml", "deckard/deep.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RULE)
    (tmp_path / "conf" / "empty").mkdir()
    return tmp_path / "conf"


def watchlist(here: Path, text: str) -> Watchlist:
    path = here / "watchlist.yaml"
    path.write_text(text)
    return load_watchlist(path)


def made(here: Path, text: str, repo: str = "a/b") -> tuple[str, ...]:
    entry = entry_for(watchlist(here, text), repo)
    assert entry is not None
    return entry.recipes


@pytest.mark.parametrize(
    ("recipes", "names"),
    [
        ("qx86-hi", ("qx86-hi",)),
        ("recipes/", ("narrow", "wide")),
        ("./recipes", ("narrow", "wide")),
        ("[recipes/, ../deckard]", ("deep", "narrow", "wide")),
        ("[recipes/, wide]", ("wide",)),
        ("[q8, wide, ./recipes/, qx86-hi]", ("q8", "wide", "qx86-hi")),
    ],
)
def test_folders_give_names_and_alone_all_their_recipes(
    recipes: str, names: tuple[str, ...], here: Path
) -> None:
    """What has a slash is a folder beside the watchlist; where no name is given, all of them are made."""
    assert made(here, f"recipes: {recipes}\n{REPOS}") == names


def test_an_entry_chooses_from_the_folders_at_the_top(here: Path) -> None:
    """An entry's own recipes are names, built-in or from those folders; it knows where they lie."""
    text = (
        "recipes: [../deckard/, q8]\nrepos: [{repo: a/b, recipes: [deep, qx86-hi]}]\n"
        "authors: [{author: c, since: 2026-01-01, recipes: deep}]\n"
    )
    assert made(here, text) == ("deep", "qx86-hi")
    assert made(here, text, "c/d") == ("deep",)
    entry = entry_for(watchlist(here, text), "a/b")
    assert entry is not None
    assert [Path(folder).resolve() for folder in entry.folders] == [(here.parent / "deckard").resolve()]


MISTAKES = [
    (f"recipes:\n  - q8\n  - nowhere/\n{REPOS}", 3, "recipes[1]: there is no folder {}/nowhere; make it, or mend its name"),
    (f"recipes: empty/\n{REPOS}", 1, "recipes: {0}/empty holds no recipe; write one, such as {0}/empty/my-recipe.yaml"),
    (f"recipes: recipes/wide.yaml\n{REPOS}", 1, "recipes: {}/recipes/wide.yaml is a file; name its folder and the recipe by its name, wide"),
    (f"recipes:\n  - recipes/\n  - wiide\n{REPOS}", 3, "recipes[1]: there is no recipe 'wiide': did you mean wide?"),
    (f"recipes: wide\n{REPOS}", 1, "recipes: there is no recipe 'wide': names look like qx86-hi, qx64-hi, q8-hi, mxfp4"),
    ("recipes: recipes/\nrepos:\n  - repo: a/b\n    recipes:\n      - wide\n      - zzzz\n", 6, "recipes[1]: there is no recipe 'zzzz': names look like qx86-hi, qx64-hi, q8-hi, mxfp4; your own are narrow, wide"),
    ("recipes: q8\nrepos:\n  - repo: a/b\n    recipes: [recipes/]\n", 4, "recipes[0]: 'recipes/' is a folder; name it under `recipes` at the top of the file, and here the recipes that you want from it"),
    ("recipes: q8\nauthors:\n  - author: a\n    since: 2026-01-01\n    recipes: [q9]\n", 5, "recipes[0]: there is no recipe 'q9': did you mean q8, q6, q5, q4?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "says"), MISTAKES)
def test_a_wrong_recipe_is_answered_with_the_watchlists_line(
    text: str, line: int, says: str, here: Path
) -> None:
    """A folder that is none and a name that nobody knows are mistakes of the line where they stand."""
    with pytest.raises(ConfigError) as caught:
        watchlist(here, text)
    assert str(caught.value) == f"{here}/watchlist.yaml:{line}: {says.format(here)}"


def test_a_broken_recipe_is_no_mistake_of_the_watchlist(here: Path) -> None:
    """Its file is read when something is made by it; until then the other entries go on."""
    (here / "recipes" / "wide.yaml").write_text("rules: [")
    assert made(here, f"recipes: recipes/\n{REPOS}") == ("narrow", "wide")
