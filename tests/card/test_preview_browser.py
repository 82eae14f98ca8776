"""The preview in a real headless Chromium: what a person sees, and that nothing hostile runs.

Playwright drives it: it is maintained, needs no driver that fits the browser's version, watches console and
page errors, and takes the Chromium that the machine has. Without one these tests are skipped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from bot.card.preview.source import EXAMPLE
from tests.card.preview_pages import PATIENCE, Hub, own_templates, png, preview, serving
from tests.chromium import chromium

CANARY = "window.ran = []; window.run = (what) => window.ran.push(String(what));"
HOSTILE = (
    "<script>run('script')</script><img src=x onerror=\"run('onerror')\">"
    "<svg onload=\"run('svg')\"></svg><a href=\"javascript:run('link')\">a link</a>"
    "<details open ontoggle=\"run('toggle')\"><summary onclick=\"run('click')\">a summary</summary></details>"
    "<iframe srcdoc=\"<script>parent.run('frame')</script>\"></iframe> [another](javascript:run('markdown'))"
)

expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@contextlib.contextmanager
def opened(browser: Browser, address: str, **wishes: Any) -> Iterator[Page]:
    """The page, with a canary that hostile text calls by name; ends with a look at what it should not do.

    Pictures from elsewhere are answered here: no test reaches the network.
    """
    with browser.new_context(viewport={"width": 1280, "height": 900}, **wishes) as context:
        wrong: list[str] = []
        context.add_init_script(CANARY)
        context.route(lambda url: not url.startswith(address), elsewhere)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", lambda line: wrong.append(f"{line.type}: {line.text}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.goto(address)
        expect(page.locator("#live.on")).to_be_visible()
        expect(page.locator("#card h1, #trouble:visible").first).to_be_visible()
        yield page
        assert page.evaluate("window.ran") == []
        assert wrong == []


def elsewhere(route: Route) -> None:
    if route.request.resource_type == "image":
        route.fulfill(body=png(1, 1, b"\0\0\0"), content_type="image/png")
    else:
        route.abort()


def test_the_card_is_shown_as_the_hub_does(browser: Browser) -> None:
    """Title, chips, metadata box, tables, figures and folded parts of the example, which is called one."""
    with serving(preview()) as address, opened(browser, address) as page:
        expect(page.locator("#card h1")).to_contain_text("Heron-4B-Instruct-qx64-hi-mlx")
        expect(page.locator("#example")).to_contain_text("invented")
        expect(page.locator("#fields")).to_contain_text("herons/Heron-4B-Instruct")
        expect(page.locator("#chips li").filter(has_text="text-generation")).to_be_visible()
        expect(page.locator("#card table").first).to_contain_text("Perplexity")
        assert page.locator("#card").evaluate("card => card.clientWidth") == 750
        figure = page.locator("#card picture img")
        expect(figure).to_have_js_property("naturalWidth", 750)
        expect(figure).to_be_visible()
        folded = page.locator("#card details").filter(has_text="How it was measured")
        folded.locator("summary").click()
        expect(folded.locator("table")).to_be_visible()


def test_the_markdown_is_there_to_copy(browser: Browser) -> None:
    """The second view shows README.md's own text; arrow keys go from view to view."""
    shown = preview()
    with serving(shown) as address, opened(browser, address) as page:
        page.get_by_role("tab", name="Card").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#markdown")).to_be_visible()
        assert shown.state.card is not None
        assert page.locator("#markdown").text_content() == shown.state.card.markdown


def test_a_save_is_shown_and_the_reader_keeps_the_place(browser: Browser, tmp_path: Path) -> None:
    """A saved block changes on the page; what was scrolled to and folded open stays so."""
    own = own_templates(tmp_path)
    with serving(preview(templates=own)) as address, opened(browser, address) as page:
        folded = page.locator("#card details").filter(has_text="How it was measured")
        folded.locator("summary").click()
        place = page.evaluate("scrollTo(0, 700), scrollY")
        (own / "blocks" / "made.md.j2").write_text("Made by **hand**, for {{ facts.name }}.\n")
        expect(page.locator("#card")).to_contain_text("Made by hand, for Heron-4B-Instruct-qx64-hi-mlx.")
        expect(folded.locator("table")).to_be_visible()
        assert page.evaluate("scrollY") == place
        template = own / "quant.md.j2"
        template.write_text("# A new heading\n\n" + template.read_text())
        expect(page.locator("#card h1").first).to_contain_text("A new heading")
        expect(page.locator("#card h1")).to_have_count(2)
        expect(folded.locator("table")).to_be_visible()


def test_a_broken_template_is_told_over_the_last_good_card(browser: Browser, tmp_path: Path) -> None:
    """File, line, sentence and the line itself stand over the card; mended, they go."""
    own = own_templates(tmp_path)
    template = own / "quant.md.j2"
    good = template.read_text()
    with serving(preview(templates=own)) as address, opened(browser, address) as page:
        expect(page.locator("#card h1")).to_be_visible()
        template.write_text(good.replace('{% include "blocks/gate.md.j2" %}', "{{ facts.colour }}"))
        line = good[: good.index('{% include "blocks/gate.md.j2" %}')].count("\n") + 1
        expect(page.locator("#trouble")).to_be_visible()
        expect(page.locator("#trouble-place")).to_have_text(f"{template}:{line}")
        expect(page.locator("#trouble-sentence")).to_contain_text("colour")
        expect(page.locator("#trouble-source .wrong")).to_contain_text("{{ facts.colour }}")
        expect(page.locator("#card h1")).to_be_visible()
        template.write_text(good)
        expect(page.locator("#trouble")).to_be_hidden()


def test_wrong_facts_are_told_over_the_last_good_card(browser: Browser, tmp_path: Path) -> None:
    """The same for the file of facts."""
    facts = tmp_path / "facts.yaml"
    facts.write_text(EXAMPLE.read_text())
    with serving(preview(str(facts))) as address, opened(browser, address) as page:
        expect(page.locator("#card h1")).to_be_visible()
        facts.write_text("colour: red\n" + EXAMPLE.read_text())
        expect(page.locator("#trouble-place")).to_have_text(f"{facts}:1")
        expect(page.locator("#card h1")).to_be_visible()
        facts.write_text(EXAMPLE.read_text())
        expect(page.locator("#trouble")).to_be_hidden()


def test_nothing_hostile_runs(browser: Browser, tmp_path: Path) -> None:
    """Scripts, handlers, frames, script links do nothing in facts, words, template, error, published card."""
    facts = tmp_path / "facts.yaml"
    facts.write_text(hostile_facts())
    own = own_templates(tmp_path)
    shown = preview(str(facts), templates=own, hub=Hub(f"was: {HOSTILE}".encode()))
    with serving(shown) as address, opened(browser, address) as page:
        expect(page.locator("#card")).to_contain_text("a link")
        for link in page.locator("#card").get_by_text("a link", exact=True).all():
            link.click()
        page.locator("#card").get_by_text("a summary", exact=True).first.click()
        page.locator("#card").get_by_text("another").first.click()
        page.get_by_role("tab", name="Changes").click()
        expect(page.locator("#diff .removed").first).to_contain_text("<script>")
        (own / "quant.md.j2").write_text(f"{HOSTILE}\n{{{{ facts.colour }}}}\n")
        expect(page.locator("#trouble-source")).to_contain_text("<script>")
        (own / "quant.md.j2").write_text(f"{HOSTILE}\n\nthe end\n")
        page.get_by_role("tab", name="Card").click()
        expect(page.locator("#card")).to_contain_text("the end")
        assert page.locator("iframe, #card script, #card svg, [onerror], a[href^=javascript]").count() == 0


def hostile_facts() -> str:
    """The example with hostile text wherever a person or a base's owner can put some."""
    text = EXAMPLE.read_text()
    quoted = "'" + HOSTILE.replace("'", "''") + "'"
    for good, bad in (
        ("- heron\n", f"- {quoted}\n"),
        ("title: Herons\n", f"title: {quoted}\n  url: 'javascript:run(1)'\n"),
        ("why: The chat template was mended upstream\n", f"why: {quoted}\n"),
        (
            "    Herons stand",
            f"    {HOSTILE}\n\n    [another](javascript:run(2)) ![more](javascript:run(3)) Herons stand",
        ),
        ("license: apache-2.0\n", f"license: other\n    license_name: {quoted}\n"),
    ):
        assert good in text
        text = text.replace(good, bad, 1)
    return text


def test_the_changes_are_shown(browser: Browser, tmp_path: Path) -> None:
    """Beside the published card: removed and added lines with the changed words marked, and how many."""
    first = preview()
    first.refresh()
    assert first.state.card is not None
    facts = tmp_path / "facts.yaml"
    facts.write_text(EXAMPLE.read_text())
    published = first.state.card.markdown.replace("6.31 bits per weight", "6.29 bits per weight", 1)
    with (
        serving(preview(str(facts), hub=Hub(published.encode()))) as address,
        opened(browser, address) as page,
    ):
        expect(page.locator("#count")).to_have_text("2")
        page.get_by_role("tab", name="Changes").click()
        expect(page.locator("#published")).to_contain_text("https://hub.test/your-account/")
        expect(page.locator("#diff .removed mark")).to_have_text("29")
        expect(page.locator("#diff .added mark")).to_have_text("31")


def test_a_card_that_is_not_published_is_told_so(browser: Browser, tmp_path: Path) -> None:
    """Without a published card the view says so, and shows no diff."""
    facts = tmp_path / "facts.yaml"
    facts.write_text(EXAMPLE.read_text())
    with serving(preview(str(facts))) as address, opened(browser, address) as page:
        page.get_by_role("tab", name="Changes").click()
        expect(page.locator("#published")).to_contain_text("Not published yet")
        expect(page.locator("#diff")).to_be_hidden()


def test_light_and_dark(browser: Browser) -> None:
    """The page follows the system's colours, or its own button; figures follow with it."""
    with serving(preview()) as address, opened(browser, address, color_scheme="dark") as page:
        figure = page.locator("#card picture img")
        expect(figure).to_have_js_property("naturalHeight", 121)
        dark = background(page)
        page.get_by_role("button", name="Theme: auto").click()
        expect(figure).to_have_js_property("naturalHeight", 120)
        light = background(page)
        assert sum(light) > 600 > 200 > sum(dark)
        page.get_by_role("button", name="Theme: light").click()
        page.reload()
        expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
        page.emulate_media(color_scheme="light")
        expect(figure).to_have_js_property("naturalHeight", 121)
        assert background(page) == dark


def background(page: Page) -> list[int]:
    """Red, green and blue of the page's ground, 0 to 255."""
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return [int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]


def test_a_preview_that_ended_is_told(browser: Browser) -> None:
    """When the command was ended the card stays, and the bar says that it is not connected any more."""
    with contextlib.ExitStack() as page_open, contextlib.ExitStack() as served:
        address = served.enter_context(serving(preview()))
        context = page_open.enter_context(browser.new_context())
        page = context.new_page()
        page.goto(address)
        expect(page.get_by_role("img", name="Connected")).to_be_visible()
        expect(page.locator("#card h1")).to_be_visible()
        served.close()
        expect(page.get_by_role("img", name="Not connected")).to_be_visible()
        expect(page.locator("#card h1")).to_be_visible()
