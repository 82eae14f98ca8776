"""What the routes work with: the reader, the templates, the sessions; and the answers they have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.web import words
from bot.web.current import Current, counts, versions
from bot.web.figures import Figures
from bot.web.headline import headline
from bot.web.overview import overview
from bot.web.reading import Reader
from bot.web.session import Sessions, Tries
from bot.web.views import Pulse, digest

HERE = Path(__file__).parent
NO_STORE = {"Cache-Control": "no-store"}


class Site:
    """One page's parts, for the length of the server's life."""

    def __init__(
        self,
        reader: Reader,
        sessions: Sessions,
        pulse: Callable[[], Pulse],
        figures: Figures,
        stopping: Callable[[], bool],
    ) -> None:
        self.reader, self.sessions, self.pulse, self.figures = reader, sessions, pulse, figures
        self.stopping = stopping
        self.tries = Tries()
        self.current = Current(lambda: overview(reader, pulse()))
        self._templates = templates()

    def html(self, name: str, request: Request | None = None, status: int = 200, **values: Any) -> Response:
        """A template as an answer. Forms in it get the form token of who asks."""
        session = getattr(request.state, "session", None) if request is not None else None
        text = self._templates.get_template(name).render(
            **values,
            form_token=session.form_token if session is not None else "",
            asks=self.sessions.asks,
            endpoint=self.reader.settings.endpoint,
            ago=partial(words.ago, now=time.time()),
            now=time.time(),
        )
        return HTMLResponse(text, status_code=status, headers=NO_STORE)


def templates() -> jinja2.Environment:
    """The page's templates: everything is escaped, what strangers hide in text becomes visible."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=words.shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bytes": words.bytes_,
        "clock": words.clock,
        "duration": words.duration,
        "hours": words.hours,
        "machine_time": words.machine_time,
        "short_task": words.short_task,
    }
    environment.globals |= {
        "counts": counts,
        "digest": digest,
        "headline": headline,
        "many": words.many,
        "versions": versions,
    }
    return environment


def as_json(value: Any, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(value), status_code=status, media_type="application/json", headers=NO_STORE
    )


def site_of(request: Request) -> Site:
    found: Site = request.app.state.site
    return found
