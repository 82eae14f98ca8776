"""Recipes by name: built-in ones and files of folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.errors import ConfigError, UsageError
from bot.recipes.book import Book
from bot.recipes.names import all_names, parse
from bot.watch.watchlist import book_for

RULE = "rules: [{role: all, pattern: '', bits: 4}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two recipes and what else lies about in such folders."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    for name in ("wide.yaml", "narrow.yaml", ".wide.yaml", "README.md"):
        (folder / name).write_text(RULE)
    (folder / "old.yaml").mkdir()
    return folder


def test_a_folder_adds_its_files_to_the_built_in_names(folder: Path) -> None:
    """Files are recipes under their names; hidden files, folders and other texts are none."""
    book = Book([folder])
    assert book.names == ("narrow", "wide", *all_names())
    assert book.own == {"narrow": folder / "narrow.yaml", "wide": folder / "wide.yaml"}
    assert book.parse("wide").name == "wide"
    assert book.parse("qx86-hi") == parse("qx86-hi")
    assert Book().names == all_names()


def test_a_file_is_read_as_it_is_when_it_is_asked_for(folder: Path) -> None:
    """Edited in between, the same book gives the new recipe."""
    book = Book([folder])
    before = book.parse("wide").hash
    (folder / "wide.yaml").write_text(RULE.replace("4", "5"))
    assert book.parse("wide").hash != before


def test_the_nearest_of_all_names_is_said(folder: Path) -> None:
    """A mistyped name is answered from the grammar and from the folders."""
    with pytest.raises(UsageError, match=r"there is no recipe 'wiide': did you mean wide\?"):
        Book([folder]).parse("wiide")
    with pytest.raises(UsageError, match=r"did you mean .*qx86-hi"):
        Book([folder]).parse("qx86hi")


def test_a_path_is_the_file_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a slash or, beside here, without: what ends in .yaml is read where it lies."""
    assert Book().parse(str(folder / "wide.yaml")).name == "wide"
    monkeypatch.chdir(folder)
    assert Book().parse("wide.yaml").name == Book().parse("./wide.yaml").name == "wide"
    with pytest.raises(ConfigError, match=r"none\.yaml is not there"):
        Book().parse("./none.yaml")
    with pytest.raises(UsageError, match=r"there is no recipe 'none\.yaml'"):
        Book().parse("none.yaml")


def test_a_folder_that_holds_nothing_is_a_mistake(folder: Path, tmp_path: Path) -> None:
    """Missing, empty, or a file: each says what to do."""
    (tmp_path / "empty").mkdir()
    cases = {
        tmp_path / "none": "there is no folder {}; make it, or mend its name",
        tmp_path / "empty": "{0} holds no recipe; write one, such as {0}/my-recipe.yaml",
        folder / "wide.yaml": "{} is a file; name its folder and the recipe by its name, wide",
        folder / "README.md": "{} is a file; name its folder",
    }
    for path, says in cases.items():
        with pytest.raises(ConfigError) as caught:
            Book([path])
        assert str(caught.value) == says.format(path)


def test_two_files_of_one_name_are_refused(folder: Path, tmp_path: Path) -> None:
    """One folder named twice, in whatever words, is still one."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "wide.yaml").write_text(RULE)
    with pytest.raises(ConfigError, match=r"recipes/wide.yaml and .*other/wide.yaml are both called wide"):
        Book([folder, other])
    assert Book([folder, Path(os.path.relpath(folder))]).own.keys() == {"narrow", "wide"}


def test_each_broken_file_is_told_and_hinders_no_other(folder: Path) -> None:
    """A file called like a built-in recipe never stands in for it: the name is refused."""
    (folder / "broken.yaml").write_text("rules:\n  - role: a\n")
    (folder / "qx86-hi.yaml").write_text(RULE)
    book = Book([folder])
    assert tuple(book.mistakes().values()) == (
        f"{folder}/broken.yaml:2: rules[0]: `pattern` is missing here; add a line `pattern: …`",
        f"{folder}/qx86-hi.yaml:1: that name is the built-in recipe's; call yours something else, such as "
        "my-qx86-hi.yaml",
    )
    assert book.parse("wide").name == "wide"
    for name in ("broken", "qx86-hi"):
        with pytest.raises(ConfigError, match=f"{name}.yaml:"):
            book.parse(name)


def test_folders_come_from_the_command_line_and_from_the_watchlist(folder: Path, tmp_path: Path) -> None:
    """The watchlist's folders are relative to it; without a watchlist there are only the others."""
    more = tmp_path / "conf" / "mine"
    more.mkdir(parents=True)
    (more / "third.yaml").write_text(RULE)
    watchlist = tmp_path / "conf" / "watchlist.yaml"
    watchlist.write_text("recipes: [mine/, q8]\nrepos: [{repo: a/b}]\n")
    assert book_for([folder], watchlist).own.keys() == {"wide", "narrow", "third"}
    assert book_for([folder], tmp_path / "none.yaml").own.keys() == {"wide", "narrow"}
    assert book_for([], None).own == {}
