"""A server on a port that is bound before it starts, so that a taken port is told at once."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from bot.errors import HostError


class _Server(uvicorn.Server):
    on_ready: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_ready()


class Listener:
    """An application on `host:port` (0: any free port), from `run` to `stop`.

    Raises HostError when it cannot listen there; `way_out` ends that sentence.
    """

    def __init__(self, host: str, port: int, way_out: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Said to be TCP, so that asyncio sends small answers at once.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shown = f"[{host}]" if ":" in host else host
        try:
            self._socket.bind((host, port))
            self._socket.listen()  # from here on nobody else can have the port
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise HostError(f"cannot listen on {shown}:{port} ({error}): {way_out}") from error
        self.address = f"http://{shown}:{self._socket.getsockname()[1]}"
        self._server: _Server | None = None
        self._stopping = False

    @property
    def stopping(self) -> bool:
        """True once the server was told to end: long answers end themselves."""
        return self._stopping or (self._server is not None and self._server.should_exit)

    def run(self, app: Starlette, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`, or (in the main thread) SIGINT or SIGTERM; `on_ready` once it answers."""
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            server_header=False,
        )
        self._server = _Server(config)
        self._server.on_ready = on_ready
        self._server.should_exit = self._stopping
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """End `run`, from another thread; without one, give the port back."""
        self._stopping = True
        if self._server is None:
            self._socket.close()
        else:
            self._server.should_exit = True
