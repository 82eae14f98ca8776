"""A card's Markdown as HTML that may stand on a page: what the Hub shows, and nothing that runs.

The list of what passes is here and nowhere else; nh3 (ammonia) cleans by it. The page's content security
policy (`server.py`) is a second wall behind this one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from bot.records import Record

TAGS = frozenset(
    (
        "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em",
        "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li",
        "ol", "p", "picture", "pre", "q", "s", "samp", "small", "source", "span", "strong", "sub", "summary",
        "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
    )
)  # fmt: skip
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "*": frozenset(("id", "title", "lang", "dir")),
    "a": frozenset(("href",)),
    "img": frozenset(("alt", "src", "width", "height", "align")),
    "source": frozenset(("media", "srcset")),
    "details": frozenset(("open",)),
    "ol": frozenset(("start",)),
    "td": frozenset(("align", "colspan", "rowspan")),
    "th": frozenset(("align", "colspan", "rowspan")),
    **{tag: frozenset(("align",)) for tag in ("div", "p", "h1", "h2", "h3", "h4", "h5", "h6")},
}
SCHEMES = frozenset(("http", "https", "mailto"))
DROPPED_WHOLE = frozenset(("script", "style", "iframe", "object", "svg", "math", "template", "title"))
"""Elements whose content goes with them; of every other one that is not allowed the text stays."""

ID_PREFIX = "user-content-"
"""Before each id of a card, as GitHub does, so that none is taken for one of the page's own."""

_NOT_IN_SLUG = re.compile(r"[^\w\- ]")
_ALIGN = re.compile(r"text-align:(left|right|center)")


class Addresses(Record, frozen=True, kw_only=True):
    """Where a card's addresses lead. `pictures`: the card's own figures, by path, as this server has them."""

    endpoint: str
    repo: str | None = None
    pictures: Mapping[str, str] = {}

    def of(self, tag: str, address: str) -> str | None:
        """The address as the page may use it; None for a kind that is not allowed.

        A relative one means a file of the repo, as on the Hub; without a repo it leads nowhere.
        """
        if address.startswith("#"):
            return f"#{ID_PREFIX}{address[1:]}" if tag == "a" else None
        if tag != "a" and address in self.pictures:
            return self.pictures[address]
        try:
            parts = urlsplit(address)
        except ValueError:
            return None
        if parts.scheme or parts.netloc:
            return address if parts.scheme in (SCHEMES if tag == "a" else ("http", "https")) else None
        return self.file(parts.path, "blob" if tag == "a" else "resolve")

    def file(self, path: str, how: str = "blob") -> str | None:
        """A file of the repo on the Hub; None as long as no repo is known."""
        path = path.removeprefix("./").lstrip("/")
        return f"{self.endpoint}/{self.repo}/{how}/main/{quote(path)}" if self.repo and path else None


def card_html(markdown: str, addresses: Addresses) -> str:
    """The body of a card (without its metadata block) as sanitized HTML."""
    cleaner = nh3.Cleaner(
        tags=TAGS,
        clean_content_tags=DROPPED_WHOLE,
        attributes=ATTRIBUTES,
        attribute_filter=_filter(addresses),
        url_schemes=SCHEMES,
        id_prefix=ID_PREFIX,
    )
    return cleaner.clean(_parser().render(markdown))


def _filter(addresses: Addresses) -> Callable[[str, str, str], str | None]:
    def kept(tag: str, attribute: str, value: str) -> str | None:
        return addresses.of(tag, value.strip()) if attribute in ("href", "src", "srcset") else value

    return kept


def _parser() -> MarkdownIt:
    """CommonMark with HTML, tables and struck text; headings have ids, cells their alignment."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.core.ruler.push("heading_ids", _heading_ids)
    for cell in ("th_open", "td_open"):
        parser.add_render_rule(cell, _aligned)
    return parser


def _heading_ids(state: StateCore) -> None:
    seen: dict[str, int] = {}
    for opening, inline in zip(state.tokens, state.tokens[1:], strict=False):
        if opening.type == "heading_open":
            slug = slug_of("".join(child.content for child in inline.children or ()))
            count = seen[slug] = seen.get(slug, -1) + 1
            opening.attrSet("id", f"{slug}-{count}" if count else slug)


def slug_of(heading: str) -> str:
    """`Use it!` -> `use-it`, as GitHub makes a heading's anchor."""
    return _NOT_IN_SLUG.sub("", heading.strip().lower()).replace(" ", "-")


def _aligned(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: Any,
    env: MutableMapping[str, Any],
) -> str:
    """`align` instead of `style`, which the page's policy forbids."""
    token = tokens[index]
    found = _ALIGN.search(str(token.attrs.pop("style", "")))
    if found:
        token.attrSet("align", found[1])
    return renderer.renderToken(tokens, index, options, env)
