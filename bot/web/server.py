"""The page on a port, in a thread of its own, beside the scheduler and the engine of `bot run`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.errors import BotError
from bot.huggingface import HubDoor
from bot.journal.database import Journal
from bot.settings import Settings
from bot.web import pages
from bot.web.address import Address
from bot.web.door import Door
from bot.web.figures import Figures, ReadFile
from bot.web.listening import Listener
from bot.web.own_pages import KnownHosts, OwnPagesOnly, protecting
from bot.web.reading import Reader
from bot.web.session import Sessions
from bot.web.site import HERE, Site
from bot.web.views import Pulse

log = logging.getLogger("bot")

LAST_WAIT = 5.0
"""Seconds for which `stop` waits for the server's thread."""

_HEADERS = protecting(images="'self'", forms="'self'", referrer="same-origin")


def create_app(
    settings: Settings,
    journal: Journal,
    address: Address,
    pulse: Callable[[], Pulse],
    routes: Sequence[BaseRoute] = (),
    stopping: Callable[[], bool] = lambda: False,
    read: ReadFile | None = None,
) -> Starlette:
    """The application. `routes`: further ones, which look after themselves who may ask (webhooks)."""
    sessions = Sessions(address.token)
    figures = Figures(read or (lambda repo, path: HubDoor(settings).read(repo, path)))
    site = Site(Reader(settings, journal), sessions, pulse, figures, stopping)
    own = tuple(route.path for route in routes if isinstance(route, Route | Mount))
    app = Starlette(
        routes=[*pages.ROUTES, *routes, Mount("/static", StaticFiles(directory=HERE / "static"))],
        middleware=[
            Middleware(OwnPagesOnly, headers=_HEADERS, open_paths=own),
            Middleware(KnownHosts, names=address.known_names, addresses=not address.here_only),
            Middleware(
                Door,
                sessions=site.sessions,
                tries=site.tries,
                open_paths=(*pages.OPEN_PATHS, *own),
                sign_in=pages.sign_in,
            ),
        ],
        exception_handlers={BotError: pages.told, HTTPException: pages.not_found},
    )
    app.state.site, app.state.listeners = site, 0
    return app


class WebServer:
    """The page of `bot run`. Binds its port at once; raises HostError when that is taken.

    `journal` stays the caller's, who closes it after `stop`. `pulse` tells how the daemon does; it is called
    from the page's threads. `routes` are further routes, such as the webhook's; `read` gives a file of a
    repo, without it from the Hub.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        address: Address,
        pulse: Callable[[], Pulse],
        routes: Sequence[BaseRoute] = (),
        read: ReadFile | None = None,
    ) -> None:
        way_out = "set BOT_WEB to another host:port, or to `off`"
        self._listener = Listener(address.host, address.port, way_out)
        self.address = self._listener.address
        self._app = create_app(
            settings, journal, address, pulse, routes, lambda: self._listener.stopping, read
        )
        self._thread = threading.Thread(target=self._serve, name="page", daemon=True)

    def start(self) -> str:
        """Serve from now on, in a thread. Gives the page's address."""
        self._thread.start()
        return self.address

    def stop(self) -> None:
        """End it: open pages are told, answers under way have two seconds. May be called at any time."""
        self._listener.stop()
        if self._thread.is_alive():
            self._thread.join(LAST_WAIT)
        self._app.state.site.reader.close()

    def _serve(self) -> None:
        try:
            self._listener.run(self._app)
        except Exception:
            log.exception("the page ended; the daemon goes on")
