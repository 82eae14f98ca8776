"""One server for all tests of this folder, and a way to have a review written through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bot.review.llm import Reviewed, ReviewSettings, write
from tests.review.llm import server
from tests.review.llm.card import BOARD, FACTS, check
from tests.review.llm.server import Act, LlmServer

Outcome = tuple[Reviewed | None, list[str]]
Written = Callable[..., Outcome]


@pytest.fixture(scope="session")
def llm() -> Iterator[LlmServer]:
    with server.running() as running:
        yield running


@pytest.fixture
def written(llm: LlmServer) -> Written:
    """Have a review written by a server that does these acts; what came of it, and the log."""

    def write_it(*acts: Act, **settings: object) -> Outcome:
        log: list[str] = []
        wanted = {
            "endpoint": llm.will(*acts),
            "model": "marmot-writer",
            "timeout": 20.0,
            "silence": 5.0,
        } | settings
        asked = ReviewSettings(**wanted)  # type: ignore[arg-type]
        return write(FACTS, BOARD, asked, check=check, log=log.append), log

    return write_it
