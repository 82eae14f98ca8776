"""Writing beside packing: one thread writes in order while the next tensors are packed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType


class Background:
    """Does what it is given, one thing after the other, on a thread of its own.

    At most `most` bytes wait; whoever gives more waits until they are done. What goes wrong there is
    raised here, at the next chance, and nothing that was given later is done then.
    """

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writing")
        self._waiting: deque[tuple[Future[None], int]] = deque()

    def give(self, work: Callable[[], None], size: int) -> None:
        """`work` keeps `size` bytes alive until it is done."""
        self._waiting.append((self._thread.submit(work), size))
        self._bytes += size
        while self._bytes > self._most:
            self._settle()

    def _settle(self) -> None:
        future, size = self._waiting.popleft()
        self._bytes -= size
        future.result()

    def __enter__(self) -> Background:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while kind is None and self._waiting:
                self._settle()
        finally:
            self._thread.shutdown(cancel_futures=True)
