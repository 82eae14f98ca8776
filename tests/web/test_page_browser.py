"""The page in a real headless Chromium: what its user sees and presses, and that nothing hostile runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from bot.journal import plans
from bot.journal.timeline import since, tell
from tests.web import world
from tests.web.conftest import TOKEN, Served

CANARY = "window.ran = []; window.run = (what) => window.ran.push(String(what));"


@contextlib.contextmanager
def opened(browser: Browser, address: str, *, errors: bool = False, **wishes: Any) -> Iterator[Page]:
    """The page, with a canary that hostile text calls by name. Ends with a look at what should not be:
    errors in the console (but for those that the test provokes), canaries that ran, requests elsewhere."""
    wishes = {"viewport": {"width": 1280, "height": 900}, **wishes}
    with contextlib.closing(browser.new_context(**wishes)) as context:
        wrong: list[str] = []
        context.add_init_script(CANARY)
        context.on("request", lambda r: None if r.url.startswith(address) else wrong.append(r.url))
        page = context.new_page()
        page.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        yield page
        if wishes.get("java_script_enabled", True):
            assert page.evaluate("window.ran ?? []") == []
        assert errors or wrong == []


@pytest.fixture(scope="module")
def busy(served: Served) -> dict[str, str]:
    """A day of a publisher: runs of each kind of end, one at work, one in the queue, plans, 200 repos."""
    world.watches(served.journal, 200)
    world.happened(served.journal)
    runs = {}
    for base in ("Qwen/Qwen3-8B", "you/Drifted-2B", "you/Broken-1B", "you/Refused-3B"):
        runs[base] = world.started(served.settings, base)
        world.ended(served.settings, runs[base])
    runs["patch"] = world.patched(served.settings, "Qwen/Qwen3-8B")
    world.ended(served.settings, runs["patch"])
    for base in ("zai-org/Slow-9B", "ibm/Queued-2B"):
        runs[base] = world.started(served.settings, base)
    return runs


def test_the_overview_shows_it_all(browser: Browser, served: Served, busy: dict[str, str]) -> None:
    """What is watched, at work, queued, failed, stopped and published, with its figures and its reasons."""
    with opened(browser, served.address) as page:
        expect(page.locator("#running h3").first).to_contain_text("zai-org/Slow-9B")
        expect(page.locator("#running .lines")).to_contain_text("ibm/Queued-2B")
        expect(page.locator("#watched .title")).to_contain_text("200")
        expect(page.locator("#watched")).to_contain_text("3 weight files are still to come")
        expect(page.locator("#failed")).to_contain_text("the Hub does not answer for you/Broken-1B (503)")
        expect(page.locator("#failed")).to_contain_text("the upload of heron/Refused-3B-mxfp4-mlx was cut")
        expect(page.locator("#stopped")).to_contain_text("KL to the base is 0.812 nats a token")
        expect(page.locator("#stopped code")).to_have_text("bot approve heron/Drifted-2B-mxfp4-mlx")
        family = page.locator("#published article", has_text="Qwen/Qwen3-8B")
        expect(family.get_by_role("row")).to_have_count(1 + 1 + len(world.RECIPES))
        row = family.get_by_role("row", name="qx64-hi")
        expect(row).to_contain_text("5.12")
        expect(row.get_by_role("link")).to_have_attribute(
            "href", "https://hub.test/heron/Qwen3-8B-qx64-hi-mlx"
        )
        expect(row.locator('td[data-label="BoolQ"]')).to_have_class("number score nothing")
        expect(page.locator("#timeline")).to_contain_text("the Hub answered 503 for six minutes")
        expect(page.locator("#live")).to_have_text("live")


def test_a_run_has_a_page_of_its_own(browser: Browser, served: Served, busy: dict[str, str]) -> None:
    """A family's page leads to the runs that published its quants, with each step's time, and these lead
    back; a patch's page says what became of each quant."""
    with opened(browser, served.address) as page:
        page.goto(f"{served.address}/run?id={quote(busy['you/Refused-3B'], safe='')}")
        steps = page.locator(".steps tbody th")
        expect(steps).to_have_text(["fetch", "quantize", "measure", *["claim", "publish"] * 4, "tidy"])
        children = page.locator(".lines li")
        expect(children).to_have_count(4)
        failed = children.filter(has_text="mxfp4")
        expect(failed).to_contain_text("failed")
        failed.get_by_role("link").click()
        expect(page.locator(".steps tr.bad")).to_contain_text(
            "the upload of heron/Refused-3B-mxfp4-mlx was cut"
        )
        page.get_by_role("link", name="its family's run").click()
        expect(page.locator("h1")).to_have_text("you/Refused-3B")
        page.goto(f"{served.address}/run?id={quote(busy['patch'], safe='')}")
        expect(page.locator(".lines li")).to_contain_text("its tokenizer was changed by hand")


def test_the_figures_of_a_card_are_shown(browser: Browser, served: Served, busy: dict[str, str]) -> None:
    """A family leads to the pictures that its card has, for light and for dark; one that is missing is left
    out, and what is no picture too."""
    with opened(browser, served.address, color_scheme="dark") as page:
        family = page.locator("#published article", has_text="Qwen/Qwen3-8B")
        family.get_by_role("link", name="figures").click()
        pictures = page.locator("figure img")
        expect(pictures).to_have_count(1)
        expect(pictures).to_have_js_property("naturalHeight", 121)
        page.emulate_media(color_scheme="light")
        expect(pictures).to_have_js_property("naturalHeight", 120)


@pytest.mark.parametrize("path", ["/", "/watched", "/timeline", "/run"])
def test_a_phone_shows_it_without_scrolling_sideways(
    browser: Browser, served: Served, busy: dict[str, str], path: str
) -> None:
    """At 390 pixels nothing is wider than the screen, long names and hostile log lines included."""
    world.says(served.settings, busy["zai-org/Slow-9B"], 10)
    if path == "/run":
        path = f"/run?id={quote(busy['zai-org/Slow-9B'], safe='')}"
    phone = {"width": 390, "height": 800}
    with opened(browser, served.address, viewport=phone) as page:
        page.goto(served.address + path)
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_progress_and_news_arrive_without_a_reload(
    browser: Browser, served: Served, busy: dict[str, str]
) -> None:
    """A line of progress, an event of the timeline and a new plan each appear in the page that is open."""
    with opened(browser, served.address) as page:
        expect(page.locator("#live")).to_have_text("live")
        page.evaluate("window.stayed = true")
        world.says(served.settings, busy["zai-org/Slow-9B"], 300)
        expect(page.locator("#running .progress").first).to_contain_text("25 %")
        tell(served.journal, "trouble", "", f"news {world.HOSTILE}")
        expect(page.locator("#timeline")).to_contain_text("news <script>")
        expect(page.locator("#timeline")).to_contain_text("⟨U+202E⟩evil")
        world.waits(served.journal, world.proposal_of(world.plan_of("new/Arrived-4B"), "It is new"))
        expect(page.locator("#plans")).to_contain_text("new/Arrived-4B")
        expect(page.locator("h1")).to_contain_text("One plan waits for your yes")
        assert page.evaluate("window.stayed") is True


def test_a_plan_is_approved_by_a_click(browser: Browser, served: Served) -> None:
    """The plan shows what it makes, its cost, its place and its rule; Approve decides it in the journal."""
    plan = world.proposal_of(world.plan_of("new/Clicked-4B"), "New weights", kind="weights")
    world.waits(served.journal, plan)
    with opened(browser, served.address) as page:
        card = page.locator(f"#plan-{plan.id}")
        for words in ("new weights", "approval: ask (watchlist.yaml:27)", "about 2.7 h", "21.0 GiB",
                      "heron/Clicked-4B-qx86-hi-mlx", "private until verified, then public"):  # fmt: skip
            expect(card).to_contain_text(words)
        card.get_by_role("button", name="Approve").click()
        expect(page.locator(".flash")).to_contain_text("it starts when there is room")
        expect(page.locator(f"#plan-{plan.id}")).to_have_count(0)
    kept = plans.get(served.journal, plan.id)
    assert kept is not None
    assert (kept.state, kept.decided_by) == ("approved", "the page")


def test_a_plan_is_refused_with_a_reason_without_javascript(browser: Browser, served: Served) -> None:
    """The page works without scripts: a plan is refused, and why is kept for the timeline."""
    plan = world.proposal_of(world.plan_of("new/Unwanted-4B"), "It is new")
    world.waits(served.journal, plan)
    with opened(browser, served.address, java_script_enabled=False) as page:
        card = page.locator(f"#plan-{plan.id}")
        card.get_by_text("Refuse…").click()
        card.get_by_label("Why?").fill("its license forbids it")
        card.get_by_role("button", name="Refuse").click()
        expect(page.locator(f"#plan-{plan.id}")).to_have_count(0)
    told = since(served.journal, kinds=("decided",), limit=1)[0]
    assert "its license forbids it" in told.text
    kept = plans.get(served.journal, plan.id)
    assert kept is not None
    assert kept.state == "refused"


def test_what_somebody_types_is_not_taken_away(browser: Browser, served: Served) -> None:
    """News for a section in which somebody writes a reason waits until the form is left."""
    plan = world.proposal_of(world.plan_of("new/Pondered-4B"), "It is new")
    world.waits(served.journal, plan)
    with opened(browser, served.address) as page:
        card = page.locator(f"#plan-{plan.id}")
        card.get_by_text("Refuse…").click()
        card.get_by_label("Why?").fill("half a sen")
        world.waits(served.journal, world.proposal_of(world.plan_of("new/Later-4B"), "It is new"))
        expect(page.locator("h1")).to_contain_text("plans wait for your yes")
        expect(card.get_by_label("Why?")).to_have_value("half a sen")
        expect(page.locator("#plans")).not_to_contain_text("new/Later-4B")
        card.get_by_text("Refuse…").click()
        expect(page.locator("#plans")).to_contain_text("new/Later-4B")


def test_what_failed_is_retried_from_its_page(browser: Browser, served: Served, busy: dict[str, str]) -> None:
    """A failed run's page tells its steps, its log and its reason; Retry makes a recorded fork of it."""
    run = busy["you/Broken-1B"]
    world.says(served.settings, run, 1)
    with opened(browser, served.address) as page:
        page.locator("#failed").get_by_role("link", name="you/Broken-1B").click()
        expect(page.locator(".alert")).to_contain_text("the Hub does not answer for you/Broken-1B (503)")
        expect(page.locator(".steps tbody tr")).to_have_count(1)
        expect(page.locator(".log")).to_contain_text("1 of 1200 questions <script>")
        page.get_by_role("button", name="Retry").click()
        expect(page.locator("#running .lines")).to_contain_text("you/Broken-1B")
        expect(page.locator("#failed")).not_to_contain_text("you/Broken-1B")
    assert world.attempts(served.settings, run) == [run, f"{run}~2"]


def test_another_sites_page_cannot_press_a_button(browser: Browser, served: Served) -> None:
    """A form on another site that posts here, with the browser's own session beside it, changes nothing."""
    plan = world.proposal_of(world.plan_of("new/Forged-4B"), "It is new")
    world.waits(served.journal, plan)
    trap = (
        f'<form method="post" action="{served.address}/do/approve"><input name="id" value="{plan.id}">'
        "<button>press</button></form>"
    )
    with opened(browser, served.address, errors=True) as page:
        page.context.route(
            "http://evil.test/**", lambda route: route.fulfill(body=trap, content_type="text/html")
        )
        page.goto("http://evil.test/")
        with page.expect_response(lambda answer: "/do/approve" in answer.url) as answer:
            page.get_by_role("button", name="press").click()
        assert answer.value.status == 403
    kept = plans.get(served.journal, plan.id)
    assert kept is not None
    assert kept.state == "waiting"


def test_a_token_is_asked_for_and_then_remembered(browser: Browser, asking: Served) -> None:
    """Without a session the page is a form; the wrong token is said to be wrong; the right one leads to where
    the person wanted to go, in a cookie that no script sees."""
    with opened(browser, asking.address, errors=True) as page:
        page.goto(f"{asking.address}/timeline?kind=found")
        expect(page.locator("main")).not_to_contain_text("Timeline")
        page.get_by_label("Token").fill("not the token")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("This is not the token")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{asking.address}/timeline?kind=found")
        expect(page.locator("h1")).to_have_text("Timeline")
        cookie = page.context.cookies()[0]
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        assert TOKEN not in cookie["value"]
        assert page.evaluate("document.cookie") == ""


def test_a_link_from_a_message_finds_the_session(browser: Browser, asking: Served) -> None:
    """Who is signed in and follows a link on another site (a notification) is not asked for the token again;
    who is not, is."""
    link = f'<a href="{asking.address}/timeline">look</a>'
    with opened(browser, asking.address, errors=True) as page:
        page.context.route(
            "http://chat.test/**", lambda route: route.fulfill(body=link, content_type="text/html")
        )
        page.goto("http://chat.test/")
        page.get_by_role("link", name="look").click()
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("h1")).to_have_text("Timeline")
        page.goto("http://chat.test/")
        page.get_by_role("link", name="look").click()
        expect(page.locator("h1")).to_have_text("Timeline")


def test_a_page_that_lost_its_server_says_so(browser: Browser, asking: Served) -> None:
    """When `bot run` ends, the open page keeps what it shows and says that it is not connected."""
    with opened(browser, asking.address, errors=True) as page:
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#live")).to_have_text("live")
        begun = time.monotonic()
        asking.server.stop()
        expect(page.locator("#live")).to_have_text("not connected")
        assert time.monotonic() - begun < 15, "an open page must not hold the server"
        expect(page.locator("h1")).to_have_text("Nothing has happened yet.")


def test_the_keyboard_reaches_every_button(browser: Browser, served: Served, busy: dict[str, str]) -> None:
    """Tab visits the way past the head first, and each focused thing shows that it is."""
    with opened(browser, served.address) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        seen = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("document.activeElement.textContent.trim().split(' ')[0]"))
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none"
        assert {"Overview", "Approve", "Refuse…", "Pause:"} <= seen
