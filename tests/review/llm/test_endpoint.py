"""Servers as they are: down, slow, silent, broken, rude. Each ends in a review, or in one clear sentence."""

from __future__ import annotations

import gzip
import json
import socket

import pytest

from bot import loopback
from bot.errors import Cancelled
from bot.review.llm import ReviewSettings, endpoint, write
from tests.review.llm import server
from tests.review.llm.card import AHEAD, BEHIND, BOARD, FACTS, GOOD, GOOD_SHOWN, check
from tests.review.llm.conftest import Outcome, Written
from tests.review.llm.server import (
    EVENTS,
    Act,
    LlmServer,
    endless,
    error,
    event,
    gives,
    never_answers,
    pieces,
    sends,
    stall,
    streams,
    whole,
)

KEY = "sk-very-secret-4711"


def sentence_of(outcome: Outcome) -> str:
    """The one sentence of the log, where there is no review."""
    reviewed, log = outcome
    assert reviewed is None
    assert len(log) == 1
    assert "\n" not in log[0]
    return log[0]


@pytest.mark.parametrize(
    "act",
    [
        streams(GOOD),
        streams(GOOD, done=False),
        whole(GOOD),
        gives(b"".join([b": keep-alive\r\n\r\n", *pieces(GOOD), event(finish="stop")]), kind=EVENTS),
        gives(
            b"".join([b'data: {"choices": []}\n\n', *pieces(GOOD), b"data: [DONE]"]) + b"\n\n", kind=EVENTS
        ),
        sends([event(reasoning_content="Is that so?"), *pieces(GOOD), event(finish="stop")], then=stall),
        gives(
            json.dumps(
                {"choices": [{"message": {"content": [{"type": "text", "text": GOOD}]}}], "error": None}
            )
        ),
        gives(
            gzip.compress(json.dumps({"choices": [{"message": {"content": GOOD}}]}).encode()),
            headers={"content-encoding": "gzip"},
        ),
    ],
    ids=["stream", "no-done", "plain-json", "comments", "no-finish", "reasoning-then-stall", "parts", "gzip"],
)
def test_every_dialect_of_the_protocol_gives_the_same_review(written: Written, act: Act) -> None:
    """Streams with and without an end mark, servers that do not stream, thoughts that are kept apart."""
    reviewed, log = written(act)
    assert reviewed is not None, log
    assert reviewed.text == GOOD_SHOWN


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (error(401, f"Incorrect API key provided: {KEY}"), "refuses the key (status 401)"),
        (error(403, "no"), "refuses the key (status 403)"),
        (error(404, "model 'marmot-writer' not found"), "status 404, model 'marmot-writer' not found"),
        (error(429, "slow down"), "busy or down (status 429, slow down)"),
        (error(429, "slow down", {"retry-after": "3600"}), "it wants 3600 seconds of rest"),
        (error(500, "out of\nmemory"), "status 500, out of memory"),
        (error(503, "loading"), "busy or down (status 503, loading)"),
        (error(400, f"you sent {KEY}, which is wrong"), "an error that holds the key"),
        (gives("<html>Bad gateway</html>", 502, "text/html"), "busy or down (status 502)"),
        (gives("<html>Welcome</html>", kind="text/html"), "a web page"),
        (gives("", status=302, headers={"location": "https://example.org"}), "status 302"),
        (gives(b""), "sent nothing"),
        (gives("{}"), "wrote nothing"),
        (gives('{"choices": []}'), "wrote nothing"),
        (gives('{"choices": [{"message": {"con'), "no JSON of a chat completion"),
        (gives('{"choices": 7}'), "no JSON of a chat completion"),
        (gives("[" * 50_000), "no JSON of a chat completion"),
        (gives('{"error": {"message": "no model is loaded"}}'), "no model is loaded"),
        (gives(b'data: {"choi\n\n', kind=EVENTS), "no JSON of a chat completion"),
        (gives(b"\xff\xfe\x00", kind=EVENTS), "ended in the middle"),
        (gives(b'data: {"error": "it burns"}\n\n', kind=EVENTS), "it burns"),
        (gives(b"not gzip", headers={"content-encoding": "gzip"}), "closed the connection"),
        (whole(None), "wrote nothing"),
        (whole("   \n "), "wrote nothing"),
        (whole("", finish="content_filter"), "refused"),
        (gives('{"choices": [{"message": {"refusal": "I must not."}}]}'), "refused"),
        (whole("I'm sorry, but I cannot write this review for you."), "refused"),
        (whole("I\u2019m sorry, but I can\u2019t help with that."), "refused"),
        (whole(f"The key is {KEY}. {GOOD}"), "sent the key back"),
        (streams("<think>What should I say? " + "Hm. " * 50, finish="length"), "wrote nothing"),
        (sends(pieces(GOOD), then=server.hang_up), "closed the connection in the middle"),
        (sends(pieces(GOOD)), "ended in the middle"),
        (sends(pieces(GOOD)[:20], then=stall), "fell silent for 0.3 seconds"),
    ],
)
def test_what_is_no_review_is_told_in_one_sentence(
    written: Written, monkeypatch: pytest.MonkeyPatch, act: Act, told: str
) -> None:
    """Whatever a server does wrong, there is no review, and one sentence without the key says why."""
    monkeypatch.setenv("MARMOT_KEY", KEY)
    sentence = sentence_of(written(act, key_variable="MARMOT_KEY", silence=0.3))
    assert told in sentence
    assert KEY not in sentence


@pytest.mark.parametrize("act", [never_answers, sends([], then=stall)], ids=["no-answer", "no-event"])
def test_a_server_that_does_not_begin_is_left_when_the_time_is_over(written: Written, act: Act) -> None:
    """The first word may take as long as `timeout` says, and no longer."""
    assert "took more than 0.4 seconds" in sentence_of(written(act, timeout=0.4))


@pytest.mark.parametrize(
    "chunk", [event("and so on "), b": keep-alive\n\n", b"data: ", event(reasoning="hm")],
    ids=["words", "comments", "one-line", "thoughts"],
)  # fmt: skip
def test_a_server_that_never_stops_is_left(written: Written, chunk: bytes) -> None:
    """Endless words, comments, lines and thoughts end at the time or at the most that is read."""
    sentence = sentence_of(written(endless(chunk), timeout=1.0))
    assert any(told in sentence for told in ("took more than", "more than any review", "no stream of events"))


def test_a_review_of_ten_megabytes_is_none(written: Written) -> None:
    """Streamed or whole, more than a review can have is not used."""
    large = f"{AHEAD} " * 120_000
    assert "more than any review" in sentence_of(written(whole(large)))
    chunk = event(f"{AHEAD} " * 2000)
    assert "more than any review" in sentence_of(written(sends([chunk] * 60 + [event(finish="stop")])))


@pytest.mark.parametrize("chunk", [event("and so on " * 500), event("", reasoning="hm, well " * 500)])
def test_an_endless_answer_is_left_at_the_most_that_is_read(written: Written, chunk: bytes) -> None:
    """A flood of words or thoughts ends long before the time is over."""
    assert "the endpoint sent more than any review has" in sentence_of(written(endless(chunk)))


def test_a_server_on_this_machine_is_asked_without_a_proxy(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy for the web, set in the environment, is none for a model that runs here."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert written(streams(GOOD))[0] is not None


def test_more_bytes_than_any_answer_are_not_kept(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body is read up to a bound, whatever is in it."""
    monkeypatch.setattr(endpoint, "MOST_BYTES", 10_000)
    assert "more than any review" in sentence_of(written(gives("x" * 20_000)))


def test_an_answer_cut_at_max_tokens_loses_its_last_half_sentence(written: Written) -> None:
    """What was written before the cut is used; the sentence in which it ended is not."""
    reviewed, log = written(streams(f"{AHEAD} {BEHIND} And in the end it is also qui", finish="length"))
    assert reviewed is not None, log
    assert reviewed.text.endswith("BoolQ.")


def test_a_busy_server_is_asked_again(written: Written, llm: LlmServer) -> None:
    """An overload that passes costs a moment, not the review."""
    reviewed, _ = written(error(503, "loading"), error(429, "wait", {"retry-after": "0"}), streams(GOOD))
    assert reviewed is not None
    assert len(llm.bodies) == 3


def test_a_connection_that_breaks_is_made_again(written: Written, llm: LlmServer) -> None:
    """A stream that breaks off is asked for once more from the start; no half review is pieced together."""
    reviewed, _ = written(sends(pieces(GOOD)[:30], then=server.hang_up), streams(GOOD))
    assert reviewed is not None
    assert reviewed.text == GOOD_SHOWN
    assert len(llm.bodies) == 2


def test_a_server_with_the_newer_name_for_max_tokens_is_understood(written: Written, llm: LlmServer) -> None:
    """Some models take `max_completion_tokens` alone and say so: they are asked again that way."""
    unsupported = error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    reviewed, _ = written(unsupported, streams(GOOD), max_tokens=700)
    assert reviewed is not None
    assert llm.bodies[0]["max_tokens"] == 700
    assert "max_tokens" not in llm.bodies[1]
    assert llm.bodies[1]["max_completion_tokens"] == 700


def test_nobody_there_is_one_sentence(written: Written) -> None:
    """A port at which nothing listens: the endpoint cannot be reached."""
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    assert "cannot be reached" in sentence_of(written(streams(GOOD), endpoint=f"http://127.0.0.1:{port}/v1"))


def test_the_key_goes_to_the_server_and_nowhere_else(
    written: Written, llm: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is sent as a bearer token; without a variable no Authorization is sent."""
    monkeypatch.setenv("MARMOT_KEY", f"{KEY}\n")
    reviewed, log = written(streams(GOOD), key_variable="MARMOT_KEY")
    assert llm.headers[0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in f"{reviewed}{log}{llm.bodies}"
    written(streams(GOOD))
    assert "authorization" not in llm.headers[0]


@pytest.mark.parametrize(("value", "told"), [("", "holds no key"), ("sk-\x01Ä", "no key has")])
def test_a_key_that_is_missing_or_broken_is_told_before_anything_is_sent(
    written: Written, llm: LlmServer, monkeypatch: pytest.MonkeyPatch, value: str, told: str
) -> None:
    """The variable's name is in the sentence, what it holds is not."""
    monkeypatch.setenv("MARMOT_KEY", value)
    sentence = sentence_of(written(streams(GOOD), key_variable="MARMOT_KEY"))
    assert told in sentence
    assert "MARMOT_KEY" in sentence
    assert llm.bodies == []


def test_a_rehearsal_asks_no_server_elsewhere(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only this machine may be talked to, an endpoint elsewhere is not even looked up."""
    monkeypatch.setenv(loopback.VARIABLE, "1")
    sentence = sentence_of(written(streams(GOOD), endpoint="https://llm.example.org/v1"))
    assert "talks to this machine only" in sentence


def test_cancelling_ends_the_wait_and_is_passed_on(llm: LlmServer) -> None:
    """`bot cancel` does not wait for a model, and is no reason to go on without a review."""
    settings = ReviewSettings(endpoint=llm.will(never_answers), model="m", timeout=30.0)
    with pytest.raises(Cancelled):
        write(FACTS, BOARD, settings, check=check, log=lambda _: None, cancelled=lambda: True)
