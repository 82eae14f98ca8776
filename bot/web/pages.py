"""The routes. Functions that wait for the database run in threads of their own (Starlette sees to it)."""

from __future__ import annotations

import time
from typing import get_args
from urllib.parse import parse_qsl, urlencode

import anyio
from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.errors import HostError, NotFound
from bot.journal.timeline import EventKind
from bot.web import actions
from bot.web.current import SECTIONS
from bot.web.door import by_token, session_cookie
from bot.web.figures import NAMES
from bot.web.health import Seen, database_answers, free_bytes, health
from bot.web.journal_views import read_events, read_repos
from bot.web.live import live, run_digest
from bot.web.overview import run_page
from bot.web.site import as_json, site_of
from bot.web.views import RunPage

LARGEST_FORM = 16_384
"""Bytes: no form of this page is near it."""

PATIENCE = 5.0
"""Seconds that `/healthz` waits for the database."""

_asking_for_health = anyio.CapacityLimiter(2)

EVENTS_A_PAGE, REPOS_A_PAGE = 100, 200


def home(request: Request) -> Response:
    site = site_of(request)
    site.current.forget()  # who reloads the page wants to see what is so now
    seen = site.current.get()
    done = actions.DONE.get(request.query_params.get("did", ""), "")
    return site.html("home.html", request, 503 if seen.trouble else 200, seen=seen, done=done)


def section(request: Request) -> Response:
    """One section of the first page, as HTML: what `page.js` puts in the place of the old one."""
    name = request.path_params["name"]
    if name not in SECTIONS:
        raise HTTPException(404)
    site = site_of(request)
    return site.html(f"sections/{name}.html", request, seen=site.current.get())


def run(request: Request) -> Response:
    page = _run(request)
    return site_of(request).html("run.html", request, page=page, version=run_digest(page))


def run_section(request: Request) -> Response:
    return site_of(request).html("sections/run.html", request, page=_run(request))


def _run(request: Request) -> RunPage:
    found = run_page(site_of(request).reader, request.query_params.get("id", ""), time.time())
    if found is None:
        raise NotFound("there is no such run: it may have been tidied away")
    return found


def timeline(request: Request) -> Response:
    """A page of the timeline, the newest first; `before` is the number of an event."""
    asked = request.query_params
    before = int(asked["before"]) if asked.get("before", "").isdecimal() else None
    kind = asked.get("kind", "")
    found = read_events(site_of(request).reader, before=before, kind=kind, limit=EVENTS_A_PAGE + 1)
    more = (
        urlencode({"before": found[EVENTS_A_PAGE - 1].id, "kind": kind}) if len(found) > EVENTS_A_PAGE else ""
    )
    return site_of(request).html(
        "timeline.html",
        request,
        events=found[:EVENTS_A_PAGE],
        kind=kind,
        kinds=get_args(EventKind),
        more=more,
        first=before is None,
    )


def watched(request: Request) -> Response:
    """All watched repos, in pages; `q` is in their names."""
    asked = request.query_params
    text = asked.get("q", "")[:100]
    start = min(int(asked["from"]), 10**6) if asked.get("from", "").isdecimal() else 0
    found = read_repos(site_of(request).reader, text=text, limit=REPOS_A_PAGE + 1, offset=start)
    more = urlencode({"from": start + REPOS_A_PAGE, "q": text}) if len(found) > REPOS_A_PAGE else ""
    return site_of(request).html(
        "watched.html", request, repos=found[:REPOS_A_PAGE], text=text, more=more, start=start
    )


def figures(request: Request) -> Response:
    """The figures that a published quant's card has."""
    site, repo = site_of(request), _published(request)
    names = {name: NAMES[name] for name in site.figures.names(repo)}
    return site.html("figures.html", request, repo=repo, names=names)


def _published(request: Request) -> str:
    """The repo that is asked for, if it is one that was published from here: the page fetches no other's."""
    repo = request.query_params.get("repo", "")
    seen = site_of(request).current.get()
    if not any(quant.repo == repo for family in seen.families for quant in family.quants):
        raise HTTPException(404)
    return repo


def figure(request: Request) -> Response:
    """One of them, for light or dark pages."""
    site, asked, repo = site_of(request), request.query_params, _published(request)
    data = site.figures.get(repo, asked.get("name", ""), asked.get("theme", ""))
    if data is None:
        raise HTTPException(404)
    return Response(data, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


# ---------------------------------------------------------------- for programs


def overview_json(request: Request) -> Response:
    seen = site_of(request).current.get()
    return as_json(seen, 503 if seen.trouble else 200)


def run_json(request: Request) -> Response:
    return as_json(_run(request))


async def healthz(request: Request) -> Response:
    """A database that does not even refuse is taken for one that is not there."""
    site = site_of(request)
    pulse = site.pulse()
    seen = Seen(pulse=pulse, database=False, free_bytes=free_bytes(site.reader.settings))
    with anyio.move_on_after(PATIENCE):
        there = await anyio.to_thread.run_sync(
            database_answers, site.reader.journal, abandon_on_cancel=True, limiter=_asking_for_health
        )
        seen = replace(seen, database=there)
    found = health(seen, time.time())
    return as_json(found, 200 if found.ok else 503)


# ---------------------------------------------------------------- what changes something


async def do(request: Request) -> Response:
    """A button. Its form holds the token of the session that it was made for."""
    site, session = site_of(request), request.state.session
    form = await _form(request)
    if not by_token(session) and not site.sessions.right_form(session, form.get("form", "")):
        return site.html("sorry.html", request, 403, said="This page is too old: load it again, then decide.")
    done = await run_in_threadpool(actions.act, site.reader, request.path_params["name"], form)
    site.current.forget()
    if by_token(session):
        return as_json({"done": done})
    return RedirectResponse(f"/?{urlencode({'did': done})}", status_code=303)


async def login(request: Request) -> Response:
    """The token for a session."""
    site, now = site_of(request), time.time()
    who = request.client.host if request.client is not None else ""
    wait = site.tries.wait(who, now)
    form = await _form(request)
    if wait > 0:
        answer = site.html("login.html", status=429, back=_local(form.get("back", "")), wait=int(wait) + 1)
        answer.headers["Retry-After"] = str(int(wait) + 1)
        return answer
    if not site.sessions.right_token(form.get("token", "").strip()):
        site.tries.failed(who, now)
        return site.html("login.html", status=401, back=_local(form.get("back", "")), wrong=True)
    site.tries.succeeded(who)
    answer = RedirectResponse(_local(form.get("back", "")), status_code=303)
    answer.set_cookie(**session_cookie(request, site.sessions.new(now)[1], lasting=True))
    return answer


def sign_in(request: Request) -> Response:
    """What somebody without a session gets: the form, or for programs a plain refusal."""
    if request.method != "GET" or "text/html" not in request.headers.get("accept", ""):
        return as_json({"error": "sign in, or send the token: Authorization: Bearer …"}, 401)
    back = _local(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    if request.headers.get("sec-fetch-site") == "cross-site" and "again" not in request.query_params:
        # A link elsewhere brought the browser here, so it kept the cookie back: asked by a page of our own,
        # it shows it.
        return site_of(request).html(
            "again.html", status=401, to=f"{back}{'&' if '?' in back else '?'}again=1"
        )
    return site_of(request).html("login.html", status=401, back=back)


def _local(address: str) -> str:
    """Where to go on after signing in: a place of this page, never one elsewhere."""
    plain = address.isascii() and address.isprintable() and "\\" not in address
    return address if plain and address.startswith("/") and not address.startswith("//") else "/"


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise HTTPException(413)
    return dict(parse_qsl(body.decode(errors="replace"), max_num_fields=20))


def told(request: Request, error: Exception) -> Response:
    """A BotError as a page (or JSON, for programs): one sentence, and the way back."""
    status = 404 if isinstance(error, NotFound) else 503 if isinstance(error, HostError) else 409
    if "text/html" not in request.headers.get("accept", ""):
        return as_json({"error": str(error)}, status)
    return site_of(request).html("sorry.html", request, status, said=str(error))


def not_found(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    said = "There is nothing here." if status == 404 else "This cannot be answered."
    if "text/html" not in request.headers.get("accept", ""):
        return as_json({"error": said}, status)
    return site_of(request).html("sorry.html", request, status, said=said)


ROUTES = [
    Route("/", home),
    Route("/section/{name}", section),
    Route("/run", run),
    Route("/section-of-run", run_section),
    Route("/timeline", timeline),
    Route("/watched", watched),
    Route("/figures", figures),
    Route("/figure", figure),
    Route("/live", live),
    Route("/api/overview", overview_json),
    Route("/api/run", run_json),
    Route("/healthz", healthz),
    Route("/do/{name}", do, methods=["POST"]),
    Route("/login", login, methods=["POST"]),
]
OPEN_PATHS = ("/healthz", "/login")
"""What needs no session."""
