"""The preview without a browser: which facts, what is said of mistakes, what the published card says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.card.board import Board
from bot.card.facts import Facts
from bot.card.facts_file import read
from bot.card.preview.changes import diff
from bot.card.preview.preview import Preview, check
from bot.card.preview.source import EXAMPLE, source
from bot.errors import ConfigError, HubUnavailable, NotFound
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.publish.card_facts import encoded
from bot.records import Manifest
from bot.settings import Settings
from tests.card.preview_pages import Figure, Hub, own_templates, preview, soon

# ---------------------------------------------------------------- the card and its facts


def test_without_facts_the_example_is_shown_and_called_one() -> None:
    """The shipped facts render, with a table, lines to copy and figures, and are said to be invented."""
    shown = preview()
    shown.refresh()
    state = shown.state
    assert state.trouble is None
    assert state.card is not None
    assert state.example
    assert "<table>" in state.card.html
    assert 'src="/figures/' in state.card.html
    soon(lambda: "invented" in shown.state.published.sentence)


def test_what_facts_names_is_a_file_or_a_repo(tmp_path: Path) -> None:
    """A path that is there is a file, `owner/name` is a repo, and a misspelt file is not asked of the Hub."""
    file = tmp_path / "facts.yaml"
    file.write_text("x")
    assert source(str(file)).file == file
    assert source("me/quant-mlx").repo == "me/quant-mlx"
    assert source("facts/quant.yaml").repo is None
    assert source(None).example


def test_wrong_facts_are_told_with_their_line_over_the_last_good_card(tmp_path: Path) -> None:
    """A mistake in the file of facts shows file, line and what is there; the card stays; mended, it goes."""
    file = tmp_path / "facts.yaml"
    good = EXAMPLE.read_text()
    file.write_text(good)
    shown = preview(str(file))
    shown.refresh()
    was = shown.state.card
    file.write_text(good.replace("recipe: qx64-hi\n", "recipe: qx64-hi\ncolour: red\n", 1))
    shown.refresh()
    trouble = shown.state.trouble
    assert trouble is not None
    assert trouble.file == str(file)
    assert [line.text for line in trouble.source if line.wrong] == ["colour: red"]
    assert "colour" in trouble.sentence
    assert shown.state.card == was
    file.write_text(good)
    shown.refresh()
    assert shown.state.trouble is None


def test_a_wrong_template_is_told_with_its_line(tmp_path: Path) -> None:
    """A block that asks for a fact which does not exist is named by file and line, with its source."""
    own = own_templates(tmp_path)
    (own / "quant.md.j2").write_text("# {{ facts.name }}\n\n{{ facts.colour }}\n")
    shown = preview(templates=own)
    shown.refresh()
    trouble = shown.state.trouble
    assert trouble is not None
    assert (trouble.file, trouble.line) == (str(own / "quant.md.j2"), 3)
    assert [line.text for line in trouble.source if line.wrong] == ["{{ facts.colour }}"]
    assert shown.state.card is None


def test_an_error_never_opens_another_file(tmp_path: Path) -> None:
    """Facts whose name looks like a place in a file show no line of that file."""
    secret = tmp_path / "secret.txt"
    secret.write_text("one\ntwo\n")
    file = tmp_path / "facts.yaml"
    file.write_text(
        f"card: '{secret}:2'\nbase_model: a/b\nrecipe: qx64-hi\n"
        "tables: [{kind: scores, title: t, subject: nobody}]\n"
    )
    shown = preview(str(file))
    shown.refresh()
    assert shown.state.trouble is not None
    assert shown.state.trouble.source == ()


def test_figures_are_drawn_again_only_for_other_facts(tmp_path: Path) -> None:
    """Saving a template does not draw the figures again, saving other facts does."""
    file = tmp_path / "facts.yaml"
    file.write_text(EXAMPLE.read_text())
    drawn: list[str] = []

    def draw(facts: Facts, _: Board) -> Sequence[Figure]:
        drawn.append(facts.card)
        return (Figure(),)

    shown = preview(str(file), draw=draw)
    shown.refresh()
    shown.refresh()
    assert len(drawn) == 1
    file.write_text(EXAMPLE.read_text().replace("title: Herons", "title: Waders"))
    shown.refresh()
    assert len(drawn) == 2


def test_a_fault_of_the_bot_does_not_end_the_preview(capsys: pytest.CaptureFixture[str]) -> None:
    """An error that nobody foresaw is shown as such, with its traceback in the terminal."""

    def broken(facts: Facts, _: Board) -> Sequence[Figure]:
        raise ZeroDivisionError("no scores")

    shown = preview(draw=broken)
    shown.refresh()
    assert shown.state.trouble is not None
    assert "ZeroDivisionError: no scores" in shown.state.trouble.sentence
    assert "Traceback" in capsys.readouterr().err


def test_what_could_not_be_watched_is_told_at_once(tmp_path: Path) -> None:
    """A file of facts that is missing, or BOT_TEMPLATES that names no folder, ends it with a sentence."""
    with pytest.raises(ConfigError, match="is no folder of templates"):
        check(source(None), tmp_path / "missing")
    with pytest.raises(NotFound, match="is not there"):
        check(source(str(tmp_path / "missing.yaml")), None)
    check(source(None), tmp_path)


# ---------------------------------------------------------------- the published card


def test_the_published_card_is_compared(tmp_path: Path) -> None:
    """What the Hub has is laid beside the card: lines that go, lines that come, the changed words marked."""
    first = preview()
    first.refresh()
    assert first.state.card is not None
    old = first.state.card.markdown.replace("at 6 bits it still does", "at 5 bits it still does")
    shown = from_file(tmp_path, Hub(old.encode()))
    soon(lambda: shown.state.changes is not None)
    changes = shown.state.changes
    assert changes is not None
    assert (changes.added, changes.removed) == (1, 1)
    marked = {line.kind: [text for text, new in line.parts if new] for line in changes.lines}
    assert marked["removed"] == ["5"]
    assert marked["added"] == ["6"]


def test_a_card_that_is_not_published_is_told_so(tmp_path: Path) -> None:
    """A repo without a README.md is no error: there is nothing to compare with yet."""
    shown = from_file(tmp_path, Hub(None))
    soon(lambda: shown.state.published.state == "not_published")
    assert shown.state.changes is None


def test_a_hub_that_does_not_answer_is_told_and_the_card_is_there_nonetheless(tmp_path: Path) -> None:
    """The card needs no Hub; the reason why there is no comparison is the door's own sentence."""
    shown = from_file(tmp_path, Hub(HubUnavailable("the Hub cannot be reached (me/quant)")))
    soon(lambda: shown.state.published.state == "unreachable")
    assert "cannot be reached" in shown.state.published.sentence
    assert shown.state.card is not None


def test_a_published_quant_is_shown_from_its_own_facts(tmp_path: Path) -> None:
    """A quant's name is enough: facts and published card come from its repo, here on a loopback Hub."""
    facts = read(EXAMPLE)
    assert facts.repo is not None
    assert facts.measured is not None
    with LoopbackHub.start(tmp_path / "hub") as running:
        store = Store(running.root)
        store.create_repo("model", facts.repo)
        store.commit("model", facts.repo, repo_files(facts))
        door = HubDoor(Settings(home=tmp_path / "home", endpoint=running.endpoint), token="hf_me")
        shown = Preview(source(facts.repo), lambda: door, lambda facts, board: ())
        shown.refresh()
        soon(lambda: shown.state.published.state == "found")
    assert shown.state.trouble is None
    assert not shown.state.example
    assert shown.state.card is not None
    assert shown.state.card.repo == facts.repo
    removed = (
        [line for line in shown.state.changes.lines if line.kind == "removed"] if shown.state.changes else []
    )
    assert [line.parts for line in removed] == [(("The card as it was.", False),)]


def repo_files(facts: Facts) -> dict[str, bytes]:
    """What the bot leaves in a quant's repo, as far as a preview asks for it."""
    assert facts.repo is not None
    assert facts.measured is not None
    manifest = Manifest(
        repo=facts.repo,
        base=facts.base_model,
        base_sha=facts.measured.base.sha,
        recipe=facts.recipe,
        recipe_hash=facts.measured.recipe_hash,
        measurement=facts.measured.measurement,
    )
    return {
        "qx_manifest.json": msgspec.json.encode(manifest),
        "measurements/facts.json": encoded(facts),
        "README.md": b"The card as it was.\n",
    }


def from_file(folder: Path, hub: Hub) -> Preview:
    file = folder / "facts.yaml"
    file.write_text(EXAMPLE.read_text())
    shown = preview(str(file), hub=hub)
    shown.refresh()
    return shown


@given(
    st.lists(st.sampled_from(["a b c", "a b d", "x", "", "y z"])),
    st.lists(st.sampled_from(["a b c", "x", "y"])),
)
def test_a_diff_holds_both_texts(old: list[str], new: list[str]) -> None:
    """Lines that are not shown as removed or added are the same on both sides; the pieces make the lines."""
    found = diff("\n".join(old), "\n".join(new))
    text = {
        (line.kind, line.old, line.new): "".join(piece for piece, _ in line.parts) for line in found.lines
    }
    before, after = "\n".join(old).splitlines(), "\n".join(new).splitlines()
    for (kind, was, now), shown in text.items():
        if kind in ("same", "removed"):
            assert was is not None
            assert before[was - 1] == shown
        if kind in ("same", "added"):
            assert now is not None
            assert after[now - 1] == shown
    assert len(before) - found.removed == len(after) - found.added
    assert bool(found.lines) == (before != after)
