"""Upstream text stays text: whatever a base's metadata holds, a card's structure and metadata hold."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from bot.card.facts import CollectionLink
from bot.card.markdown import clean, code, link, text
from bot.card.render import render
from bot.hub.metadata import validate
from bot.records import BaseRevision, Card
from bot.review.review import review
from tests.card.examples import BASE, QX86_HI, card_facts
from tests.card.parsed import body, html_tags, links, metadata, tables, text_of, tokens

HOSTILE = (
    "<script>alert(1)</script>", "<!-- ", "</details>", "&lt;b&gt; &amp;", "'\"",
    "{{ 7 * 7 }}", "{% include '/etc/passwd' %}", "!!python/object/apply:os.system ['id']",
    "a | b | c", "|:--|:--|", "| a |\n|---|\n| b |", "\\| \\", "\n\n# Heading\n", "# y", "=====",
    "- item", "1. item",
    "---\nlicense: mit\n---\n", "*a: &b", ": x", "no", "1.0", "~", "", " ",
    "[x](javascript:alert(1))", "![x](https://evil.example/p.png)", "https://evil.example www.evil.example",
    "`code` ``", "```\nfence", "*bold* _it_ ~~no~~", "$$x$$ \\(y\\)", "@everyone",
    "\u202etxt.exe\u2066", "\x00\x1b[31m", "\ud800", "\u2028\u2029\u0085", "x" * 5000,
)  # fmt: skip
several = st.lists(st.sampled_from(HOSTILE)).map("".join)
words = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60), several)
bases = st.builds(
    BaseRevision,
    repo=words.map(lambda w: f"owner/{w}"),
    sha=words,
    license=words,
    license_name=words,
    license_link=words,
    language=st.lists(words, max_size=3).map(tuple),
    tags=st.lists(words, max_size=4).map(tuple),
    pipeline_tag=words,
    model_type=words,
)
_EMPTY = tempfile.TemporaryDirectory(prefix="qx-bot-")
OUTSIDE_GIT = Path(_EMPTY.name)
"""An empty folder of own templates: asking git for the commit costs most of a rendering."""

INLINE = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def hostile_card(base: BaseRevision, word: str) -> Card:
    mine = replace(
        QX86_HI, device=word, compute_dtype=word, measured_at=word, versions={"mlx": word, word: "1"}
    )
    facts = card_facts(mine=mine, base=base, collections=(CollectionLink(title=word, url=word),))
    return render(facts, review(facts), OUTSIDE_GIT)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(base=bases, word=words)
def test_card_keeps_its_structure(base: BaseRevision, word: str) -> None:
    """Tables keep their shape, no heading, list or tag is added, no link leads off the Hub."""
    card, usual = hostile_card(base, word).text, hostile_card(BASE, "x").text
    card.encode("utf-8")
    assert [[len(row) for row in table] for table in tables(card)] == [
        [len(row) for row in table] for table in tables(usual)
    ]
    assert _outline(card) == _outline(usual)
    assert html_tags(card) <= {"details", "summary", "b", "code"}
    address = clean(word).strip()
    assert all(
        href.startswith("https://huggingface.co/") or address.startswith("http") for href in links(card)
    )


def _outline(card: str) -> list[str]:
    kinds = (
        "heading_open",
        "table_open",
        "fence",
        "hr",
        "bullet_list_open",
        "ordered_list_open",
        "code_block",
    )
    return [token.tag + token.type for token in tokens(card) if token.type in kinds]


@settings(max_examples=80, deadline=None)
@given(base=bases)
@example(
    base=replace(BASE, license="mit\nbase_model: evil/model", tags=("a\n---\n# x",), language=("no", "en: x"))
)
def test_metadata_is_read_back_as_it_was_meant(base: BaseRevision) -> None:
    """The Hub refuses nothing, its client parses the YAML, and no value becomes a key or another type."""
    card = hostile_card(base, "x").text
    assert validate(card)[0] == []
    data = metadata(card)
    allowed = {"base_model", "language", "library_name", "license", "license_name", "license_link",
               "pipeline_tag", "tags", "base_model_relation"}  # fmt: skip
    assert set(data) <= allowed
    assert data.get("base_model", base.repo) == base.repo
    assert (data["base_model_relation"], data["library_name"]) == ("quantized", "mlx")
    assert data["tags"][-1] == "mlx"
    assert all(
        isinstance(value, str) for value in (*data["tags"], *data.get("language", ()), data["pipeline_tag"])
    )
    assert all(isinstance(data.get(key, ""), str) for key in ("license", "license_name", "license_link"))


@pytest.mark.parametrize(
    ("field", "value", "key"),
    [
        ("license", "do <b>what</b> you like", "license"),
        ("license_link", "javascript:alert(1)", "license_link"),
        ("license_link", "LICENSE\nevil: yes", "license_link"),
        ("language", ("English, mostly",), "language"),
        ("pipeline_tag", "text generation!", "pipeline_tag"),
    ],
)
def test_metadata_of_another_form_is_left_out(field: str, value: object, key: str) -> None:
    """A license, link, language or task that the Hub would refuse does not reach the metadata."""
    data = metadata(hostile_card(replace(BASE, **{field: value}), "x").text)
    assert data.get(key) == ("text-generation" if key == "pipeline_tag" else None)


def test_what_the_hub_would_refuse_is_said_in_its_own_words() -> None:
    """A license that is none of the Hub's identifiers is `other` with its name; language codes are small."""
    base = replace(BASE, license="My-License-2", license_name=None, language=("zh-Hans", "EN", "zh-hans"))
    data = metadata(hostile_card(base, "x").text)
    assert (data["license"], data["license_name"]) == ("other", "My-License-2")
    assert data["language"] == ["zh-hans"]


@given(word=words)
@settings(max_examples=150, deadline=None)
def test_text_shows_exactly_its_characters(word: str) -> None:
    """Escaped text renders to the cleaned characters: in a paragraph and in a table cell, with no markup."""
    for source in (f"x {text(word)}", f"|h|\n|-|\n|x {text(word)}|"):
        inline = [token for token in INLINE.parse(source) if token.type == "inline"][-1]
        assert all(child.type == "text" for child in inline.children or ())
        assert text_of(inline) == f"x {clean(word)}".rstrip()


@given(word=words)
@settings(max_examples=200, deadline=None)
def test_text_begins_no_block(word: str) -> None:
    """At the start of a line, escaped text is a paragraph: no list, heading, rule, fence or quote."""
    assert {t.type for t in INLINE.parse(text(word))} <= {"paragraph_open", "inline", "paragraph_close"}


@given(word=words)
@settings(max_examples=200, deadline=None)
def test_code_in_a_table_cell_stays_one_cell(word: str) -> None:
    """Code font keeps its characters, and a table row keeps its two cells."""
    rows = [t for t in INLINE.parse(f"|a|b|\n|-|-|\n|{code(word)}|end|") if t.type == "inline"]
    assert [text_of(cell) for cell in rows[-1:]] == ["end"]
    assert text_of(rows[-2]).strip() == clean(word).strip()


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "", None, "/relative", "file:///etc"]
)
def test_only_web_addresses_become_links(url: str | None) -> None:
    """A link of another kind than http(s) is shown as its title."""
    assert link("title", url) == "title"


def test_long_lines_are_cut() -> None:
    """A megabyte of text from upstream takes at most two thousand characters of the card."""
    assert len(clean("x" * 1_000_000)) == 2000
    assert len(hostile_card(replace(BASE, license_name="y" * 1_000_000), "z" * 1_000_000).text) < 60_000


def test_bidi_and_zero_width_characters_are_dropped() -> None:
    """Characters that reorder or hide text do not reach the card."""
    card = hostile_card(replace(BASE, license_name="safe\u202eevil\u2069\u200b\ufeff"), "x").text
    assert not set(body(card)) & set("\u202e\u2069\u200b\ufeff")
    assert "safeevil" in card
