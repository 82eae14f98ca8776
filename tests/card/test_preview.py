"""The preview without a browser: what is shown, what is said of mistakes, who may ask, which HTML passes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from bot.card.board import Board
from bot.card.facts import Facts
from bot.card.preview.changes import diff
from bot.card.preview.metadata_box import box, split
from bot.card.preview.preview import Preview, check
from bot.card.preview.sanitized import ATTRIBUTES, TAGS, Addresses, card_html, slug_of
from bot.card.preview.server import PreviewServer, create_app
from bot.card.preview.source import EXAMPLE, source
from bot.errors import ConfigError, HostError, HubUnavailable, NotFound
from tests.card.preview_pages import Figure, Hub, own_templates, preview, serving, soon

HUB = Addresses(endpoint="https://hub.test", repo="me/quant", pictures={"figures/a.png": "/figures/1.png"})


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


# ---------------------------------------------------------------- what passes as HTML

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


# ---------------------------------------------------------------- the server


@pytest.fixture
def client() -> TestClient:
    shown = preview()
    shown.refresh()
    return TestClient(create_app(shown), base_url="http://127.0.0.1:8000")  # without its watch


def test_the_page_is_served_with_its_parts(client: TestClient) -> None:
    """Page, style sheet, script, state and figures answer; what is not there is not found."""
    for path in ("/", "/preview.css", "/preview.js", "/state"):
        assert client.get(path).status_code == 200
    figure = re.search(r"/figures/[0-9a-f]+\.png", client.get("/state").json()["card"]["html"])
    assert figure is not None
    assert client.get(figure.group()).content.startswith(b"\x89PNG")
    assert client.get("/figures/nothing.png").status_code == 404
    assert client.get("/../pyproject.toml").status_code == 404


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test:8000", "0.0.0.0:8000", ""])
def test_another_name_for_this_machine_gets_nothing(client: TestClient, host: str) -> None:
    """A site whose name was pointed at this machine (DNS rebinding) is refused by the Host header."""
    assert client.get("/state", headers={"Host": host}).status_code == 400


def test_another_sites_page_gets_nothing(client: TestClient) -> None:
    """Its requests are refused, none of its scripts may read an answer, none of its frames may show one."""
    answer = client.get(
        "/state",
        headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "https://evil.test"},
    )
    assert answer.status_code == 403
    assert "<" not in answer.text
    plain = client.get("/state", headers={"Origin": "https://evil.test"})
    assert "access-control-allow-origin" not in plain.headers
    assert plain.headers["cross-origin-resource-policy"] == "same-origin"
    policy = client.get("/").headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe" not in policy


def test_a_taken_port_is_told() -> None:
    """Two previews on one port: the second ends with a sentence that says what to do."""
    first = PreviewServer(preview())
    with pytest.raises(HostError, match="choose another --port"):
        PreviewServer(preview(), int(first.address.rsplit(":", 1)[1]))


# ---------------------------------------------------------------- saves


def saves() -> list[tuple[str, Callable[[Path, str], None]]]:
    """The ways in which editors save."""

    def write(path: Path, text: str) -> None:
        path.write_text(text)

    def rename(path: Path, text: str) -> None:
        (path.parent / ".new~").write_text(text)
        (path.parent / ".new~").rename(path)

    def back_up_and_write(path: Path, text: str) -> None:
        if path.exists():
            path.rename(path.with_name(path.name + "~"))
        path.write_text(text)

    return [("write", write), ("rename", rename), ("back up", back_up_and_write)]


@pytest.mark.parametrize(("_", "save"), saves())
def test_every_way_to_save_is_seen_again_and_again(
    tmp_path: Path, _: str, save: Callable[[Path, str], None]
) -> None:
    """A template in the account's folder, a block below it, and the facts: each save is shown, twice each."""
    own = own_templates(tmp_path)
    facts = tmp_path / "facts.yaml"
    facts.write_text(EXAMPLE.read_text())
    shown = preview(str(facts), templates=own)
    with serving(shown):
        soon(lambda: shown.state.card is not None)
        time.sleep(0.3)  # the watch begins beside the first rendering
        for word in ("first", "second"):
            save(own / "blocks" / "made.md.j2", f"made {word}\n")
            shows(shown, f"made {word}")
            save(own / "quant.md.j2", f'template {word}\n\n{{% include "blocks/made.md.j2" %}}\n')
            shows(shown, f"template {word}")
            save(facts, EXAMPLE.read_text().replace("- heron\n", f"- {word}\n"))
            shows(shown, f"- {word}\n")


def shows(shown: Preview, words: str) -> None:
    soon(lambda: shown.state.card is not None and words in shown.state.card.markdown)
