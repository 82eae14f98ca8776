"""Which files of the templates changed, which templates use them, and what becomes of a card then."""

from __future__ import annotations

from pathlib import Path

import git
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.card.board import board
from bot.card.changes import changed_blocks, touched_by, uses
from bot.card.facts import Facts
from bot.card.figures.draw import figures
from bot.card.figures.sketch import sketches
from bot.card.template_folder import standard
from bot.publish.card_decision import CardUpdate, decide
from bot.publish.card_merge import Take
from tests.card.examples import BASE_MEASUREMENT, QX64_HI, QX86_HI, card_facts

FILES = {
    "direct": '{% include "blocks/one.md.j2" %}',
    "nested": '{% include "blocks/outer.md.j2" %}',
    "none": "plain",
    "computed": "{% include facts.template ~ '.md.j2' %}",
    "branch": '{% if measured %}{% include "blocks/one.md.j2" %}{% endif %}{% include "blocks/two.md.j2" %}',
    "circle": '{% include "circle.md.j2" %}',
    "broken": "{% include",
    "blocks/one": "one",
    "blocks/two": "two",
    "blocks/outer": '{% include "blocks/two.md.j2" %}',
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of templates somewhere below the top of a git repo, committed."""
    folder = tmp_path / "site" / "templates"
    (folder / "blocks").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / f"{name}.md.j2").write_text(text)
    (tmp_path / "site" / "elsewhere.md.j2").write_text("not a template")
    with git.Repo.init(tmp_path / "site").config_writer() as config:
        config.set_value("user", "name", "Publisher").set_value("user", "email", "p@example.org")
    return folder


def commit(folder: Path) -> str:
    repo = git.Repo(folder, search_parent_directories=True)
    repo.git.add(all=True)
    repo.git.commit(message="a change", allow_empty=True)
    return repo.head.commit.hexsha


def change(folder: Path, name: str) -> None:
    with (folder / f"{name}.md.j2").open("a") as file:
        file.write(" more")


def test_git_names_what_was_changed_added_renamed_and_deleted_below_the_folder(own: Path) -> None:
    """Committed since or not yet; both names of what was renamed; nothing from outside the folder."""
    since = commit(own)
    assert changed_blocks(own, since) == frozenset()

    change(own, "blocks/one")
    change(own.parent, "elsewhere")
    (own / "blocks/two.md.j2").rename(own / "blocks/three.md.j2")
    commit(own)
    (own / "none.md.j2").unlink()
    (own / "new.md.j2").write_text("new")

    names = ("blocks/one", "blocks/two", "blocks/three", "none", "new")
    assert changed_blocks(own, since) == frozenset(f"{name}.md.j2" for name in names)


@pytest.mark.parametrize("since", [None, "", "HEAD", "--output=/x", 40 * "0", 40 * "a" + "-dirty"])
def test_where_git_cannot_tell_it_says_so(own: Path, since: str | None) -> None:
    """No commit, none of this repo, none of a clean folder: None; and no option of git is taken for one."""
    commit(own)

    assert changed_blocks(own, since) is None


def test_a_folder_outside_git_is_not_told_about(tmp_path: Path) -> None:
    """None, as for a bot that was installed as a package."""
    assert changed_blocks(tmp_path, 40 * "a") is None


@pytest.mark.parametrize(
    ("template", "files"),
    [
        ("direct", {"direct", "blocks/one"}),
        ("nested", {"nested", "blocks/outer", "blocks/two"}),
        ("branch", {"branch", "blocks/one", "blocks/two"}),
        ("none", {"none"}),
        ("circle", {"circle"}),
        ("broken", {"broken"}),
        ("missing", {"missing"}),
    ],
)
def test_a_template_uses_what_it_includes_however_deep(own: Path, template: str, files: set[str]) -> None:
    """Every branch counts, and what is wrong is left for rendering to tell."""
    assert uses(template, own) == {f"{name}.md.j2" for name in files}


def test_a_template_that_computes_a_name_uses_all(own: Path) -> None:
    """Of the account's folder and of the standard one."""
    every = uses("computed", own)

    assert {f"{name}.md.j2" for name in FILES} <= every
    assert {path.relative_to(standard()).as_posix() for path in standard().rglob("*.md.j2")} <= every


def test_a_card_is_touched_by_the_files_its_template_uses_and_by_no_other(own: Path) -> None:
    """Each template is held against what changed; further blocks on a card count like its template's."""
    since = commit(own)
    change(own, "blocks/two")
    commit(own)
    touched = touched_by(own)
    two = frozenset({"blocks/two.md.j2"})

    assert touched("nested", since, ()) == two
    assert touched("direct", since, ()) == frozenset()
    assert touched("direct", since, ("blocks/two",)) == two
    assert touched("direct", 40 * "0", ()) is None


def test_a_template_over_the_standard_blocks_is_touched_when_git_cannot_tell_of_those(own: Path) -> None:
    """The account's commit says nothing of another repo: the careful answer."""
    (own / "over.md.j2").write_text('{% include "blocks/made.md.j2" %}')
    since = commit(own)

    assert touched_by(own)("over", since, ()) is None
    change(own, "over")
    assert touched_by(own)("over", since, ()) == frozenset({"over.md.j2"})


@pytest.mark.parametrize(
    "facts",
    [
        card_facts(),
        card_facts(mine=QX64_HI, base_measurement=None, others=()),
        card_facts(mine=QX86_HI, base_measurement=BASE_MEASUREMENT, others=()),
    ],
    ids=["family", "alone", "with its base"],
)
def test_a_sketch_says_of_each_picture_what_the_drawn_one_says(facts: Facts) -> None:
    """Whether a card changes is decided by sketches: their words and paths are those of the pictures."""
    known = board(facts)

    drawn = [(each.path, each.dark_path, each.alt, each.width) for each in figures(facts, known)]

    assert [(each.path, each.dark_path, each.alt, each.width) for each in sketches(facts, known)] == drawn


OLD, NEW = 40 * "1", 40 * "2"
BASE = [f"line {number}" for number in range(12)]


def text(*lines: str, at: str = OLD) -> str:
    return "".join(f"{line}\n" for line in (*lines, "", "", "", f"template at {at}"))


def decided(theirs: str | None, mine: str, base: str | None, take: Take | None = None) -> CardUpdate:
    """A card that is `theirs` on the Hub, where the bot wrote `base` and would write `mine` now."""
    found = CardUpdate(
        repo="a/b", status="unchanged", before=theirs, base=base, rendered=mine, edited=theirs != base
    )
    return decide(found, OLD, NEW, take)


@pytest.mark.parametrize(
    ("theirs", "mine", "base", "take", "status", "after"),
    [
        (text("a"), text("a", at=NEW), text("a"), None, "unchanged", None),
        (text("a"), text("b", at=NEW), text("a"), None, "changed", text("b", at=NEW)),
        (text("h"), text("a", at=NEW), text("a"), None, "edited", None),
        (text("h"), text("h", at=NEW), text("a"), None, "edited", None),
        (text("h"), text("b", at=NEW), text("a"), None, "conflict", None),
        (text("h"), text("b", at=NEW), text("a"), "mine", "edited", text("b", at=NEW)),
        (text("h"), text("b", at=NEW), text("a"), "theirs", "edited", text("h", at=NEW)),
        (None, text("b", at=NEW), text("a"), None, "conflict", None),
        (None, text("b", at=NEW), text("a"), "mine", "edited", text("b", at=NEW)),
        (None, text("b", at=NEW), text("a"), "theirs", "edited", None),
        (text("h"), text("b", at=NEW), None, None, "conflict", None),
        (text("h"), text("b", at=NEW), None, "mine", "edited", text("b", at=NEW)),
        (text("h"), text("b", at=NEW), None, "theirs", "edited", text("h", at=NEW)),
    ],
)
def test_what_becomes_of_a_card(
    theirs: str | None, mine: str, base: str | None, take: Take | None, status: str, after: str | None
) -> None:
    """A new commit alone changes nothing; the hand's words fall only where a person said `--take mine`."""
    found = decided(theirs, mine, base, take)

    assert (found.status, found.after) == (status, after)


def test_line_ends_of_windows_are_no_hand_edit_to_fight_over() -> None:
    """An editor that ends lines otherwise changes no line of the merge."""
    found = decided(text(*BASE).replace("\n", "\r\n"), text("b", *BASE, at=NEW), text(*BASE))

    assert (found.status, found.after) == ("edited", text("b", *BASE, at=NEW))


LINES = st.dictionaries(st.integers(0, len(BASE) - 1), st.sampled_from(["", "x", "two\nlines", "<<<<<<<"]))


@settings(max_examples=60, deadline=None)
@given(by_hand=LINES, by_template=LINES)
def test_without_a_persons_word_no_line_of_a_hand_is_lost(
    by_hand: dict[int, str], by_template: dict[int, str]
) -> None:
    """Whatever both sides change: either it is a conflict and nothing is written, or both changes stand."""

    def changed(changes: dict[int, str], who: str, at: str) -> str:
        lines = [
            f"{who} {number} {changes[number]}" if number in changes else line
            for number, line in enumerate(BASE)
        ]
        return text(*lines, at=at)

    theirs, mine = changed(by_hand, "hand", OLD), changed(by_template, "template", NEW)
    found = decided(theirs, mine, text(*BASE))

    after = found.after if found.after is not None else theirs
    assert all(f"hand {number} {by_hand[number]}".strip() in after for number in by_hand)
    if found.status != "conflict":
        assert all(f"template {number} {by_template[number]}".strip() in after for number in by_template)
    else:
        assert by_hand
        assert by_template
        assert found.after is None
