"""What of a card passes as HTML in the preview: all that the Hub shows, and nothing that runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.card.preview.metadata_box import box, split
from bot.card.preview.sanitized import ATTRIBUTES, TAGS, Addresses, card_html, slug_of

HUB = Addresses(endpoint="https://hub.test", repo="me/quant", pictures={"figures/a.png": "/figures/1.png"})

HOSTILE = (
    "<script>run()</script>",
    '<img src=x onerror="run()">',
    '<img src="javascript:run()">',
    "[a](javascript:run())",
    '<a href="jAvAsCrIpT&colon;run()">a</a>',
    '<a href="data:text/html,<script>run()</script>">a</a>',
    '<a href="vbscript:run()">a</a>',
    '<iframe src="https://evil.test"></iframe>',
    "<svg onload=run()><script>run()</script></svg>",
    '<math><mtext><style><img src onerror="run()"></style></mtext></math>',
    '<details ontoggle="run()" open><summary>a</summary></details>',
    '<form action="https://evil.test"><input autofocus onfocus="run()"></form>',
    '<p style="background:url(javascript:run())">a</p>',
    '<source srcset="javascript:run()">',
    '<base href="https://evil.test/"><meta http-equiv="refresh" content="0;url=javascript:run()">',
    '<noscript><p title="</noscript><img src=x onerror=run()>"></noscript>',
    "```html\n<script>run()</script>\n```\n<script\n>run()</script\n>",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_runs_passes(text: str) -> None:
    """Of every known trick only allowed elements, attributes and addresses are left."""
    assert_clean(card_html(text, HUB))


@given(
    st.lists(st.sampled_from([*HOSTILE, "<", ">", '"', "\n", "<b>", "`", "<!--", "-->", "a ", "|", "&lt;"]))
)
def test_nothing_that_runs_passes_in_any_order(pieces: list[str]) -> None:
    """Nor when the tricks are cut open and laid into each other."""
    assert_clean(card_html("".join(pieces), HUB))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_clean(html: str) -> None:
    parser = _Tags()
    parser.feed(html)
    for tag, attributes in parser.found:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES["*"] | ATTRIBUTES.get(tag, frozenset()) | {"rel"}
        for name in ("href", "src", "srcset"):
            assert re.match(
                r"https?://|mailto:|/figures/|#user-content-", attributes.get(name) or "#user-content-"
            )


def test_what_the_hub_shows_passes() -> None:
    """Folded parts, pictures for light and dark, tables with their alignment, struck text and code remain."""
    html = card_html(
        "<details open>\n<summary><b>Scores</b></summary>\n\n"
        "| a | b |\n|:--|--:|\n| 1 | ~~2~~ |\n\n</details>\n"
        '\n<picture><source media="(prefers-color-scheme: dark)" srcset="figures/a.png">'
        '<img alt="a" src="figures/a.png" width="750"></picture>\n\n```python\nx = 1 < 2\n```\n',
        HUB,
    )
    for kept in (
        "<details open", "<summary><b>Scores</b></summary>", '<td align="right"><s>2</s></td>',
        'media="(prefers-color-scheme: dark)"', 'srcset="/figures/1.png"', 'width="750"', "x = 1 &lt; 2",
    ):  # fmt: skip
        assert kept in html


def test_relative_addresses_lead_to_the_repo() -> None:
    """A file beside the card is the repo's, a figure of this card this server's, an anchor the page's."""
    assert HUB.of("a", "LICENSE") == "https://hub.test/me/quant/blob/main/LICENSE"
    assert HUB.of("img", "other.png") == "https://hub.test/me/quant/resolve/main/other.png"
    assert HUB.of("img", "figures/a.png") == "/figures/1.png"
    assert HUB.of("a", "#use-it") == "#user-content-use-it"
    assert HUB.of("a", "javascript:run()") is None
    assert HUB.of("img", "mailto:me@hub.test") is None
    assert HUB.of("a", "//evil.test/x") is None


def test_headings_have_anchors_each_its_own() -> None:
    """Two headings of one name have two ids, made as GitHub makes them."""
    assert slug_of("Use it, now!") == "use-it-now"
    html = card_html("## Use it\n\n## Use it\n", HUB)
    assert 'id="user-content-use-it"' in html
    assert 'id="user-content-use-it-1"' in html


def test_the_metadata_box_comes_from_the_block() -> None:
    """Each field of the YAML is a line with its values; a repo is linked, a hostile license link is not."""
    block, body = split(
        "---\nlicense_link: javascript:x\nbase_model: a/b\ntags:\n- one\n- two\nodd: 1\n---\n\nbody\n"
    )
    fields = {field.name: field for field in box(block, HUB)}
    assert body.strip() == "body"
    assert fields["base_model"].entries[0].url == "https://hub.test/a/b"
    assert fields["license_link"].entries[0].url is None
    assert [entry.text for entry in fields["tags"].entries] == ["one", "two"]
    assert fields["odd"].title == "odd"
    assert split("no block") == ("", "no block")
    assert box("- a list", HUB) == ()
