"""A loopback Hub in a process of its own, for tests and rehearsals."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from bot.errors import HostError
from bot.hub.faults import Fault, Logged
from bot.hub.webhooks import Delivered

STOP_AFTER = 5.0
"""Seconds between asking the server to stop and killing it."""


class LoopbackHub:
    """A running Hub at `endpoint`, its files under `root`. Ends with the block, or with this process."""

    def __init__(self, root: Path, endpoint: str, process: subprocess.Popen[bytes]) -> None:
        self.root = root
        self.endpoint = endpoint
        self.process = process

    @classmethod
    def start(cls, root: Path, *, open_: bool = False, port: int = 0) -> LoopbackHub:
        """Start a server on a free port (or `port`) and wait until it answers.

        Raises HostError when it does not come up.
        """
        root.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "bot.hub", "--root", str(root), "--port", str(port), "--lifeline"]
        command += ["--open"] if open_ else []
        log = root / "server.log"
        with log.open("ab") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )  # our end of its standard input closes when we are gone: it notices and ends
        assert process.stdout is not None
        endpoint = process.stdout.readline().decode().strip()
        hub = cls(root, endpoint, process)
        if not endpoint:
            hub.kill()
            raise HostError(f"the loopback Hub did not start: see {log}")
        return hub

    def arm(self, fault: Fault) -> None:
        """Let this go wrong at the next requests it matches."""
        self._control("POST", "faults", msgspec.json.encode(fault))

    def disarm(self) -> None:
        """Forget all faults that have not struck yet."""
        self._control("DELETE", "faults")

    def requests(self) -> list[Logged]:
        """What was asked since the start or the last `forget_requests`, control requests left out."""
        return msgspec.convert(self._control("GET", "requests"), list[Logged])

    def forget_requests(self) -> None:
        self._control("DELETE", "requests")

    def deliveries(self) -> list[Delivered]:
        """What webhooks were told since the start, and what they answered."""
        return msgspec.convert(self._control("GET", "deliveries"), list[Delivered])

    def _control(self, method: str, what: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(f"{self.endpoint}/_loopback/{what}", body, method=method)  # noqa: S310
        with urllib.request.urlopen(request) as response:  # noqa: S310  an http address of this machine
            return msgspec.json.decode(response.read())

    def stop(self) -> None:
        """End it in good order."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_AFTER)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._reap()

    def kill(self) -> None:
        """End it at once (SIGKILL), wherever it is."""
        self.process.kill()
        self._reap()

    def _reap(self) -> None:
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> LoopbackHub:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
