"""The sweep whose memory is the caller's, against a real loopback Hub, with every request counted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.hub.faults import Fault
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.records import BaseRevision
from bot.settings import Settings
from bot.watch.sweep import SweepResult, sweep
from bot.watch.watchlist import Watchlist, of_document
from bot.yaml_lines import Document

BASE = {
    "config.json": b'{"model_type": "qwen3"}',
    "model.safetensors": b"weights",
    "tokenizer.json": b"{}",
    "README.md": b"---\nlicense: mit\n---\n",
}
NOW = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    with LoopbackHub.start(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


class Upstream:
    """Two authors of our own on the Hub, the door to it, and the memory of what was taken up."""

    def __init__(self, hub: LoopbackHub, home: Path) -> None:
        self.hub, self.store = hub, Store(hub.root)
        self.author, self.other = (f"{name}{uuid.uuid4().hex[:8]}" for name in ("au", "ot"))
        self.door = HubDoor(Settings(home=home, endpoint=hub.endpoint), token="hf_me")
        self.taken: dict[str, BaseRevision] = {}
        self.now = NOW

    def add(self, repo: str, files: dict[str, bytes] | None = None) -> str:
        self.store.create_repo("model", repo)
        return self.commit(repo, BASE if files is None else files)

    def commit(self, repo: str, files: dict[str, bytes]) -> str:
        return self.store.commit("model", repo, files)

    def watch(self, text: str = "", **top: str) -> Watchlist:
        """A watchlist of all of `author`, made without asking, unless the text says otherwise."""
        text = text or f"authors: [{{author: {self.author}, since: 2020-01-01}}]"
        settings = {"account": "me", "recipes": "[q8]", "approval": "auto", "min_age": "0s"} | top
        lines = [f"{key}: {value}" for key, value in settings.items()]
        return of_document(Document("\n".join([*lines, text]).encode(), "watchlist.yaml"))

    def sweep(self, watchlist: Watchlist, before: SweepResult | None = None) -> tuple[SweepResult, list[str]]:
        """One sweep and the requests it made, as `listing` or the repo (with @ and the commit asked for)."""
        self.hub.forget_requests()
        result = sweep(watchlist, self.door, self.taken.get, self.now, before)
        paths = [logged.path.removeprefix("/api/models") for logged in self.hub.requests()]
        return result, [path.strip("/").replace("/revision/", "@") or "listing" for path in paths]

    def take_up(self, result: SweepResult) -> None:
        for change in result.changes:
            self.taken[change.repo] = self.door.base_revision(change.repo, change.sha)


@pytest.fixture
def upstream(running: LoopbackHub, tmp_path: Path) -> Iterator[Upstream]:
    yield Upstream(running, tmp_path)
    running.disarm()


def test_an_author_costs_one_listing_and_each_new_repo_one_look(upstream: Upstream) -> None:
    """The first sweep finds all repos as new; the next finds nothing and costs one request."""
    repos = [f"{upstream.author}/m{n}" for n in range(5)]
    shas = {repo: upstream.add(repo) for repo in repos}
    first, requests = upstream.sweep(upstream.watch())
    assert {change.repo: change.sha for change in first.changes} == shas
    assert {change.kind for change in first.changes} == {"new"}
    assert sorted(requests) == sorted(["listing", *repos])

    upstream.take_up(first)
    second, requests = upstream.sweep(upstream.watch(), first)
    assert (second.changes, second.waiting, second.errors) == ((), (), ())
    assert requests == ["listing"]
    assert upstream.sweep(upstream.watch())[1] == ["listing"]


def test_a_changed_repo_costs_one_look_and_is_classified(upstream: Upstream) -> None:
    """Among known repos only the changed one is looked at; its kind comes from the files that differ."""
    repos = [f"{upstream.author}/m{n}" for n in range(3)]
    for repo in repos:
        upstream.add(repo)
    first, _ = upstream.sweep(upstream.watch())
    upstream.take_up(first)
    sha = upstream.commit(repos[1], {"tokenizer.json": b'{"a": 1}'})
    second, requests = upstream.sweep(upstream.watch(), first)
    assert [(c.repo, c.sha, c.kind) for c in second.changes] == [(repos[1], sha, "tokenizer")]
    assert second.changes[0].before == upstream.taken[repos[1]].sha
    assert requests == ["listing", repos[1]]


def test_a_listing_is_read_no_further_than_what_is_known(upstream: Upstream) -> None:
    """With the former sweep at hand, what lies below the newest known repo is not asked for again."""
    old, new = f"{upstream.author}/old", f"{upstream.author}/new"
    upstream.add(old)
    upstream.add(new)
    first, _ = upstream.sweep(upstream.watch())
    upstream.taken[new] = upstream.door.base_revision(new)
    assert {c.repo for c in upstream.sweep(upstream.watch(), first)[0].changes} == {old}, "still open"
    forgotten = SweepResult(watchlist=first.watchlist)
    assert upstream.sweep(upstream.watch(), forgotten)[0].changes == ()
    assert {c.repo for c in upstream.sweep(upstream.watch())[0].changes} == {old}, "without a former sweep"


def test_a_named_repo_costs_one_look_or_none(upstream: Upstream) -> None:
    """A named repo is asked for by itself, unless its author's listing or its pinned commit answers."""
    repo = f"{upstream.author}/m"
    sha = upstream.add(repo)
    named = f"repos: [{{repo: {repo}}}]"
    first, requests = upstream.sweep(upstream.watch(named))
    assert [c.repo for c in first.changes] == [repo]
    assert requests == [repo]
    upstream.take_up(first)
    assert upstream.sweep(upstream.watch(named), first)[1] == [repo]
    assert upstream.sweep(upstream.watch(f"repos: [{{repo: {repo}, revision: {sha}}}]"))[1] == []

    both = upstream.watch(f"{named}\nauthors: [{{author: {upstream.author}, since: 2020-01-01}}]")
    with_listing, requests = upstream.sweep(both)
    assert requests == ["listing"]
    assert upstream.sweep(both, with_listing)[1] == ["listing"]


def test_only_what_fits_and_changed_since_is_looked_at(upstream: Upstream) -> None:
    """Patterns, exclusions and `since` are decided from the listing, without a look at the repo."""
    for name in ("Good-1", "Good-1-FP8", "Bad-1"):
        upstream.add(f"{upstream.author}/{name}")
    entry = f"author: {upstream.author}, match: ['good-*'], exclude: ['*-fp8']"
    result, requests = upstream.sweep(upstream.watch(f"authors: [{{{entry}, since: 2020-01-01}}]"))
    assert [c.repo for c in result.changes] == [f"{upstream.author}/Good-1"]
    assert requests == ["listing", f"{upstream.author}/Good-1"]
    result, requests = upstream.sweep(upstream.watch(f"authors: [{{{entry}, since: 2999-01-01}}]"))
    assert (result.changes, requests) == ((), ["listing"])


def test_what_waits_is_told_why_and_looked_at_again_in_time(upstream: Upstream) -> None:
    """A fresh repo waits without a request until it is old enough, then it is a change."""
    repo = f"{upstream.author}/m"
    upstream.add(repo)
    watchlist = upstream.watch(min_age="2h")
    first, _ = upstream.sweep(watchlist)
    assert first.changes == ()
    assert [w.repo for w in first.waiting] == [repo]
    assert "2 hours old" in first.waiting[0].reason
    second, requests = upstream.sweep(watchlist, first)
    assert second.waiting == first.waiting
    assert requests == ["listing"]
    upstream.now += timedelta(hours=2)
    third, requests = upstream.sweep(watchlist, second)
    assert [c.repo for c in third.changes] == [repo]
    assert requests == ["listing", repo]


def test_a_half_uploaded_repo_waits_until_it_is_whole(upstream: Upstream) -> None:
    """Missing shards hold a base back; the commit that brings the last of them makes it due."""
    repo = f"{upstream.author}/m"
    part = {**BASE, "model-00001-of-00002.safetensors": b"1"}
    del part["model.safetensors"]
    upstream.add(repo, part)
    first, _ = upstream.sweep(upstream.watch())
    assert "1 weight files are still to come" in first.waiting[0].reason
    upstream.commit(repo, {"model-00002-of-00002.safetensors": b"2"})
    second, _ = upstream.sweep(upstream.watch(), first)
    assert [c.repo for c in second.changes] == [repo]
    assert second.waiting == ()


def test_nothing_is_made_without_a_yes_where_the_watchlist_asks(upstream: Upstream) -> None:
    """With `approval: ask` a new base waits; in any case one with other terms or a new README only."""
    repo = f"{upstream.author}/m"
    upstream.add(repo)
    asked, _ = upstream.sweep(upstream.watch(approval="ask"))
    assert asked.changes == ()
    assert f"`bot publish {repo}`" in asked.waiting[0].reason

    upstream.taken[repo] = upstream.door.base_revision(repo)
    upstream.commit(repo, {"README.md": b"---\nlicense: mit\n---\nmore"})
    card, _ = upstream.sweep(upstream.watch())
    assert [(w.kind, w.repo) for w in card.waiting] == [("card", repo)]
    upstream.commit(repo, {"README.md": b"---\nlicense: other\n---\n", "model.safetensors": b"new"})
    terms, _ = upstream.sweep(upstream.watch())
    assert [(w.kind, w.repo) for w in terms.waiting] == [("license", repo)]
    assert card.changes == terms.changes == ()


def test_an_edited_watchlist_is_applied_to_what_waited(upstream: Upstream) -> None:
    """What one watchlist held back is judged anew by the next one, although nothing changed on the Hub."""
    upstream.add(f"{upstream.author}/m")
    asked, _ = upstream.sweep(upstream.watch(approval="ask"))
    told, _ = upstream.sweep(upstream.watch(approval="auto"), asked)
    assert [c.repo for c in told.changes] == [f"{upstream.author}/m"]


def test_one_bad_repo_does_not_stop_the_sweep(upstream: Upstream) -> None:
    """A missing repo and an unknown author are sentences; the others are found, and both are tried again."""
    good, bad = f"{upstream.author}/m", f"{upstream.author}/missing"
    upstream.add(good)
    authors = f"authors: [{{author: {upstream.other}, since: 2020-01-01}}]"
    text = f"repos: [{{repo: {bad}}}, {{repo: {good}}}]\n{authors}"
    first, _ = upstream.sweep(upstream.watch(text))
    assert [c.repo for c in first.changes] == [good]
    assert first.failed == (upstream.other, bad)
    assert all("check the name" in error for error in first.errors)
    upstream.add(bad)
    upstream.add(f"{upstream.other}/m")
    second, _ = upstream.sweep(upstream.watch(text), first)
    assert {c.repo for c in second.changes} == {good, bad, f"{upstream.other}/m"}


def test_a_hub_that_goes_away_ends_the_sweep_and_the_next_reads_everything(upstream: Upstream) -> None:
    """When the Hub is down the rest is not tried; the result says so, and the next sweep reads everything."""
    for n in range(3):
        upstream.add(f"{upstream.author}/m{n}")
    # The door waits out a 5xx with growing pauses; an answer of no known meaning ends it at once.
    upstream.hub.arm(Fault(kind="error", status=418, path=f"/api/models/{upstream.author}/m1", times=50))
    broken, requests = upstream.sweep(upstream.watch())
    assert not broken.complete
    assert len(broken.errors) == 1
    assert len(requests) < 4
    upstream.hub.disarm()
    whole, _ = upstream.sweep(upstream.watch(), broken)
    assert whole.complete
    assert len(whole.changes) == 3


def test_many_unchanged_repos_cost_one_request(upstream: Upstream) -> None:
    """The cost of a quiet sweep does not grow with the number of repos an author has."""
    for n in range(12):
        upstream.add(f"{upstream.author}/m{n}")
    first, requests = upstream.sweep(upstream.watch())
    assert len(requests) == 13
    upstream.take_up(first)
    assert upstream.sweep(upstream.watch(), first)[1] == ["listing"]
