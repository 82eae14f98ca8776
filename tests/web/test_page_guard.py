"""Who may see the page and press its buttons: names, origins, sessions, tokens; and what it tells nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bot.errors import ConfigError, HostError
from bot.journal import plans
from bot.journal.database import Journal
from bot.settings import Settings
from bot.web import pages
from bot.web.address import Address, Token, from_environment
from bot.web.server import WebServer, create_app
from bot.web.session import LIFETIME, Sessions, Tries, waiting_time
from tests.web import world
from tests.web.conftest import TOKEN, pulse

HERE = "http://127.0.0.1:8899"
HTML = {"Accept": "text/html"}
OWN = {"Sec-Fetch-Site": "same-origin"}


def client_of(fresh: tuple[Settings, Journal], **address: object) -> TestClient:
    async def hook(request: Request) -> PlainTextResponse:
        return PlainTextResponse("taken")

    routes = [Route("/webhook", hook, methods=["POST"])]
    app = create_app(*fresh, Address(**address), pulse, routes)  # type: ignore[arg-type]
    return TestClient(app, base_url=HERE, follow_redirects=False)


@pytest.fixture
def client(fresh: tuple[Settings, Journal]) -> Iterator[TestClient]:
    """The page on loopback, without a token."""
    with client_of(fresh) as found:
        yield found


@pytest.fixture
def asking(fresh: tuple[Settings, Journal]) -> Iterator[TestClient]:
    """The page as another machine sees it."""
    with client_of(fresh, host="0.0.0.0", token=Token(TOKEN), names=("bot.example",)) as found:
        yield found


def form_token(html: str) -> str:
    found = re.search(r'name="form" value="([0-9a-f]+)"', html)
    assert found is not None
    return found[1]


# ---------------------------------------------------------------- names and origins


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test:8899", "192.168.1.9:8899", "", "[::1"])
def test_on_loopback_another_name_gets_nothing(client: TestClient, host: str) -> None:
    """A site whose name was pointed at this machine (DNS rebinding) is refused by the Host header."""
    assert client.get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8899", "localhost:8899", "[::1]:8899"])
def test_loopback_goes_by_its_own_names(client: TestClient, host: str) -> None:
    """Every way to write this machine works."""
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"), [("bot.example", 401), ("192.168.1.9:8899", 401), ("other.example", 400)]
)
def test_elsewhere_the_names_are_addresses_and_those_of_bot_web_hosts(
    asking: TestClient, host: str, status: int
) -> None:
    """An IP address cannot be rebound; a name must be known."""
    assert asking.get("/", headers={"Host": host, **HTML}).status_code == status


def test_every_answer_is_protected(client: TestClient) -> None:
    """No inline script or style, no frame, no sniffing, no referrer elsewhere, no store; also on refusals."""
    for answer in (client.get("/"), client.get("/nowhere"), client.get("/static/page.css")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
    assert client.get("/").headers["cache-control"] == "no-store"
    assert " style=" not in client.get("/").text
    assert "<script>" not in client.get("/").text
    assert client.get("/static/../server.py").status_code == 404


def test_another_sites_page_reads_nothing(client: TestClient) -> None:
    """Its requests are refused, whichever way they go; a link that somebody follows is not."""
    foreign = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}
    for path in ("/", "/api/overview", "/live", "/section/plans"):
        assert client.get(path, headers=foreign).status_code == 403
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=followed).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Origin": "null"},
        {},
    ],
)
def test_a_button_is_pressed_on_the_own_page_only(
    client: TestClient, fresh: tuple[Settings, Journal], headers: dict[str, str]
) -> None:
    """Whatever a browser says of another page, or does not say, the plan keeps waiting."""
    plan = world.proposal_of(world.plan_of("new/Base-4B"), "It is new")
    world.waits(fresh[1], plan)
    token = form_token(client.get("/").text)
    data = {"id": plan.id, "form": token}
    assert client.post("/do/refuse", data=data, headers=headers).status_code == 403
    assert client.post("/do/refuse", data=data, headers={"Origin": HERE}).status_code == 303


def test_a_form_is_worth_nothing_without_its_session(
    client: TestClient, fresh: tuple[Settings, Journal]
) -> None:
    """A form token of another session, none at all, or one of a former start is refused with a sentence."""
    plan = world.proposal_of(world.plan_of("new/Base-4B"), "It is new")
    world.waits(fresh[1], plan)
    token = form_token(client.get("/").text)
    client.cookies.clear()
    for data in ({"id": plan.id, "form": token}, {"id": plan.id}):
        answer = client.post("/do/refuse", data=data, headers=OWN | HTML)
        assert answer.status_code == 403
        assert "load it again" in answer.text
    kept = plans.get(fresh[1], plan.id)
    assert kept is not None
    assert kept.state == "waiting"


def test_a_plan_that_changed_is_looked_at_again(client: TestClient, fresh: tuple[Settings, Journal]) -> None:
    """A yes is for the plan that the person saw: edited meanwhile, it is not approved."""
    plan = world.proposal_of(world.plan_of("new/Base-4B"), "It is new")
    world.waits(fresh[1], plan)
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', client.get("/").text)
    assert seen is not None
    kept = plans.get(fresh[1], plan.id)
    assert kept is not None
    other = world.proposal_of(world.plan_of("new/Base-4B", recipes=("q8-hi",)), "It is new")
    plans.move(fresh[1], replace(kept, proposal=other), ("waiting",))
    data = {"id": plan.id, "seen": seen[1], "form": form_token(client.get("/").text)}
    answer = client.post("/do/approve", data=data, headers=OWN | HTML)
    assert answer.status_code == 409
    assert "changed since the page showed it" in answer.text


# ---------------------------------------------------------------- the token


def test_without_a_session_nothing_is_told(asking: TestClient, fresh: tuple[Settings, Journal]) -> None:
    """Every page but the form, the health and the style sheet asks for the token first."""
    world.waits(fresh[1], world.proposal_of(world.plan_of("secret/Base-4B"), "It is new"))
    for path in ("/", "/timeline", "/watched", "/run?id=x", "/section/plans", "/api/overview", "/live"):
        answer = asking.get(path, headers=HTML)
        assert answer.status_code == 401
        assert "secret" not in answer.text
    assert asking.get("/api/overview").headers["content-type"] == "application/json"
    assert asking.get("/static/page.css").status_code == 200
    assert asking.post("/do/pause", headers=OWN).status_code == 401


def test_a_program_shows_the_token_in_a_header(asking: TestClient, fresh: tuple[Settings, Journal]) -> None:
    """`Authorization: Bearer` reads and decides, without cookie or form; with a wrong one it does neither."""
    plan = world.proposal_of(world.plan_of("new/Base-4B"), "It is new")
    world.waits(fresh[1], plan)
    right, wrong = ({"Authorization": f"Bearer {token}"} for token in (TOKEN, TOKEN + "x"))
    assert asking.get("/api/overview", headers=wrong).status_code == 401
    told = asking.get("/api/overview", headers=right)
    assert told.json()["plans"][0]["id"] == plan.id
    assert "set-cookie" not in told.headers
    done = asking.post("/do/refuse", data={"id": plan.id}, headers=right)
    assert done.json() == {"done": "refused"}
    again = asking.post("/do/refuse", data={"id": plan.id}, headers=right)
    assert again.status_code == 409
    assert "refused already" in again.json()["error"]


@pytest.mark.parametrize("way", ["form", "header"])
def test_failed_tries_are_slowed(asking: TestClient, way: str) -> None:
    """After a few wrong tokens the next try has to wait, also with the right one."""

    def attempt(token: str) -> int:
        if way == "header":
            return asking.get("/", headers={"Authorization": f"Bearer {token}"}).status_code
        return asking.post("/login", data={"token": token}, headers=OWN).status_code

    assert [attempt("wrong") for _ in range(3)] == [401, 401, 401]
    assert attempt(TOKEN) == 429


@pytest.mark.parametrize(
    "back", ["//evil.test", "https://evil.test", "/\\evil.test", "javascript:run(1)", ""]
)
def test_signing_in_never_leads_elsewhere(asking: TestClient, back: str) -> None:
    """Where to go on after signing in is a place of this page."""
    answer = asking.post("/login", data={"token": TOKEN, "back": back}, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@given(st.text(max_size=60), st.text(max_size=60), st.floats(0, 1e10))
def test_a_session_is_what_was_signed(text: str, other: str, now: float) -> None:
    """A made-up cookie is none, whoever's token made it; a signed one is known until its time is over."""
    sessions = Sessions(Token(TOKEN))
    assert sessions.known(text, now) is None
    session, cookie = sessions.new(now)
    assert sessions.known(cookie, now + LIFETIME - 2) == session
    assert sessions.known(cookie, now + LIFETIME + 2) is None
    assert Sessions(Token(TOKEN)).known(cookie, now) == session, "a restart ends no session"
    assert Sessions(Token(TOKEN + "x")).known(cookie, now) is None
    assert not sessions.right_token(other) or other == TOKEN
    assert sessions.right_form(session, session.form_token)
    assert not sessions.right_form(session, other)


@given(st.integers(0, 10_000))
def test_the_wait_grows_and_is_bounded(failed: int) -> None:
    """Nobody waits more than a minute, and further tries never make it shorter."""
    assert 0 <= waiting_time(failed) <= waiting_time(failed + 1) <= 60


def test_addresses_that_tried_are_forgotten_in_time() -> None:
    """However many addresses try, what is remembered of them is bounded; one that knows the token is free."""
    tries = Tries()
    for number in range(3000):
        tries.failed(f"10.0.{number // 250}.{number % 250}", 0.0)
    assert len(tries._failed) <= 1000
    for _ in range(5):
        tries.failed("10.9.9.9", 100.0)
    assert tries.wait("10.9.9.9", 100.0) == 4.0
    assert tries.wait("10.9.9.9", 105.0) == 0.0
    tries.succeeded("10.9.9.9")
    assert tries.wait("10.9.9.9", 100.0) == 0.0


# ---------------------------------------------------------------- address


@pytest.mark.parametrize(
    ("environment", "host", "port"),
    [
        ({}, "127.0.0.1", 8899),
        ({"BOT_WEB": "localhost:9000"}, "localhost", 9000),
        ({"BOT_WEB": "[::1]:0"}, "::1", 0),
        ({"BOT_WEB": "0.0.0.0:80", "BOT_WEB_TOKEN": TOKEN}, "0.0.0.0", 80),
    ],
)
def test_the_address_is_read_from_the_environment(environment: dict[str, str], host: str, port: int) -> None:
    """BOT_WEB names host and port; without it the page is this machine's alone."""
    found = from_environment(environment)
    assert found is not None
    assert (found.host, found.port) == (host, port)
    assert TOKEN not in repr(found)


def test_the_page_can_be_switched_off() -> None:
    """`BOT_WEB=off` serves none."""
    assert from_environment({"BOT_WEB": "off"}) is None


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"BOT_WEB": "0.0.0.0:8899"}, "set BOT_WEB_TOKEN"),
        ({"BOT_WEB_HOSTS": "bot.example"}, "BOT_WEB_HOSTS lets other machines see the page"),
        ({"BOT_WEB": "192.168.1.9:8899", "BOT_WEB_TOKEN": "short"}, "too short"),
        ({"BOT_WEB": "8899"}, "write host:port"),
        ({"BOT_WEB": "127.0.0.1:99999"}, "write host:port"),
    ],
)
def test_an_address_that_will_not_do_is_told(environment: dict[str, str], said: str) -> None:
    """A page that others could see without a token is refused before it starts, in one sentence."""
    with pytest.raises(ConfigError, match=re.escape(said)) as told:
        from_environment(environment)
    assert "short" not in str(told.value) or "too short" in str(told.value)


def test_a_taken_port_is_told(fresh: tuple[Settings, Journal]) -> None:
    """Two pages on one port: the second says what to do, at once."""
    first = WebServer(*fresh, Address(port=0), pulse)
    port = int(first.address.rsplit(":", 1)[1])
    with pytest.raises(HostError, match="BOT_WEB"):
        WebServer(*fresh, Address(port=port), pulse)
    first.stop()


# ---------------------------------------------------------------- health, webhooks, bad requests


def test_health_is_told_to_everybody_and_tells_nothing_private(
    asking: TestClient, fresh: tuple[Settings, Journal]
) -> None:
    """200 while all is well, without a token; only ages and yes or no, no name and no path."""
    world.watches(fresh[1], 10)
    answer = asking.get("/healthz")
    assert answer.status_code == 200
    assert set(answer.json()) == {"ok", "sweep", "sweep_age", "every", "scheduler", "database", "disk"}
    assert all(isinstance(value, bool | int | float) for value in answer.json().values())


def test_a_database_that_is_gone_is_told(client: TestClient, fresh: tuple[Settings, Journal]) -> None:
    """The page says so in a sentence without any address or path and keeps what it knew; health is ill."""
    settings, journal = fresh
    world.watches(journal, 10)
    assert client.get("/").status_code == 200
    journal.close()
    for path in settings.state.glob("bot.sqlite*"):
        path.write_bytes(b"no database" * 1000)
    client.app.state.site.current.forget()  # type: ignore[attr-defined]  # the application is ours
    answer = client.get("/")
    assert answer.status_code == 503
    assert "the database cannot be" in answer.text
    assert str(settings.home) not in answer.text
    assert "LiquidAI/Base-1-2B-Instruct" in answer.text
    told = client.get("/healthz")
    assert (told.status_code, told.json()["database"]) == (503, False)
    assert client.get("/timeline", headers=HTML).status_code == 503


def test_further_routes_are_open_and_stay_protected(asking: TestClient) -> None:
    """The webhook's sender has no session and is no page; the other routes stay shut."""
    assert asking.post("/webhook", content=b"{}").text == "taken"
    assert asking.post("/webhooks", content=b"{}").status_code in (401, 403)


def test_bad_requests_are_answered_in_a_sentence(client: TestClient) -> None:
    """Unknown runs, buttons and sections, nonsense for numbers, and a huge form."""
    token = form_token(client.get("/").text)
    assert client.get("/run?id=family:x@1", headers=HTML).status_code == 404
    assert client.get("/section/nothing", headers=HTML).status_code == 404
    assert client.get("/timeline?before=²&kind=<b>", headers=HTML).status_code == 200
    assert client.get("/watched?from=99999999999999999999&q=%00", headers=HTML).status_code == 200
    assert client.get("/figure?repo=a/b&name=family&theme=light").status_code == 404
    form = {"form": token}
    assert client.post("/do/nothing", data=form, headers=OWN | HTML).status_code == 409
    assert client.post("/do/retry", data={**form, "id": "x"}, headers=OWN | HTML).status_code == 404
    assert client.post("/do/refuse", content=b"x" * 20_000, headers=OWN).status_code == 413


def test_the_overview_is_there_for_programs(client: TestClient, fresh: tuple[Settings, Journal]) -> None:
    """`/api/overview` gives what the page shows, as JSON."""
    world.watches(fresh[1], 12)
    told = json.loads(client.get("/api/overview").text)
    assert told["watch"]["repos"] == 12
    assert told["watch"]["gone"] == 2
    assert {view["repo"] for view in told["watch"]["waiting"]} == {"LiquidAI/Base-1-2B-Instruct", world.LONG}


def test_the_routes_that_need_no_session_are_these() -> None:
    """A route that somebody adds is shut unless it is named here."""
    assert pages.OPEN_PATHS == ("/healthz", "/login")
