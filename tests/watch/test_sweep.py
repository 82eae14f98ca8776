"""Sweeps against a real loopback Hub and a real journal, with every request counted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bot.errors import NotFound
from bot.hub.faults import Fault
from bot.journal.repos import known_listings, known_repos, taken, taken_up
from bot.watch.changes import changed_files
from bot.watch.found import SweepResult
from bot.watch.sweep import nightly, sweep

from .conftest import BASE, Upstream, said

# ------------------------------------------------------------------ what it costs


def test_an_author_costs_one_listing_and_each_new_repo_one_look(upstream: Upstream) -> None:
    """The first sweep looks at each repo once; a quiet one costs one request and no body, after a restart
    too."""
    repos = [upstream.add(f"m{n}") for n in range(4)]
    first = upstream.sweep()
    assert sorted(said(first.changes)) == [(repo, "new") for repo in repos]
    assert sorted(upstream.asked) == sorted(["listing", *repos])
    upstream.take_up(first)

    for _ in range(2):
        quiet = upstream.sweep()
        assert (quiet.changes, quiet.waiting, quiet.errors) == ((), (), ())
        assert upstream.asked == ["unchanged"]
        upstream.restart()


def test_a_changed_repo_costs_one_look(upstream: Upstream) -> None:
    """Among known repos the changed one alone is looked at, and its change names both revisions."""
    repos = [upstream.add(f"m{n}") for n in range(3)]
    upstream.settled()
    sha = upstream.commit(repos[1], {"tokenizer.json": b'{"a": 1}'})
    found = upstream.sweep()
    assert upstream.asked == ["listing", repos[1]]
    [change] = found.changes
    before = taken(upstream.journal, repos[1])
    assert before is not None
    assert (change.repo, change.kind, change.sha, change.before) == (repos[1], "tokenizer", sha, before.sha)
    assert changed_files(before, found.revisions[repos[1]]) == {"tokenizer.json"}
    assert change.watch_entry == f"authors: {upstream.author}"


def test_a_change_is_reported_until_it_is_dealt_with(upstream: Upstream) -> None:
    """A daemon that dies between the report and its plan hears of it again; what was dealt with stays so."""
    repo = upstream.add("m")
    for _ in range(2):
        assert said(upstream.sweep().changes) == [(repo, "new")]
        upstream.restart()
    assert upstream.asked == ["unchanged", repo]
    upstream.take_up(upstream.sweep())
    assert upstream.sweep().changes == ()


def test_a_commit_during_the_planning_is_not_lost(upstream: Upstream) -> None:
    """The revision that was planned is taken up; the newer one that a sweep saw meanwhile is found again."""
    repo = upstream.add("m")
    first = upstream.sweep()
    sha = upstream.commit(repo, {"model.safetensors": b"better"})
    assert upstream.sweep().changes[0].sha == sha
    taken_up(upstream.journal, repo, first.revisions[repo])
    [change] = upstream.sweep().changes
    assert (change.kind, change.sha, change.before) == ("weights", sha, first.changes[0].sha)


def test_a_long_listing_is_read_no_further_than_what_is_known(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages below the newest change of the former reading are not asked for; a full one reads them all."""
    monkeypatch.setattr("bot.watch.findings.PAGE", 2)
    monkeypatch.setattr("bot.watch.findings.FULL_PAGE", 3)
    repos = [upstream.add(f"m{n}") for n in range(7)]
    upstream.take_up(upstream.sweep())
    assert upstream.asked.count("listing") == 4
    upstream.commit(repos[0], {"README.md": b"more"})
    assert said(upstream.sweep().changes) == [(repos[0], "license")]
    assert upstream.asked.count("listing") == 2, "the second page begins below what was known"
    for repo in repos[1:4]:
        upstream.commit(repo, {"notes.txt": b"x"})
    assert sorted(said(upstream.sweep().changes))[1:] == [(repo, "other") for repo in repos[1:4]]
    assert upstream.asked.count("listing") == 3
    upstream.sweep(night=True)
    assert upstream.asked.count("listing") == 3


def test_a_hub_without_entity_tags_costs_the_same_number_of_requests(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an ETag the listing is read anew, and still no repo is looked at that did not change."""
    upstream.add("m")
    read = upstream.door.listing
    monkeypatch.setattr(
        upstream.door, "listing", lambda *a, **k: (page := read(*a, **k)) and type(page)(models=page.models)
    )
    upstream.settled()
    assert upstream.sweep().errors == ()
    assert upstream.asked == ["listing"]


def test_named_repos_of_one_author_cost_one_listing(upstream: Upstream) -> None:
    """Several named repos of an author who is not followed are watched by the author's listing; one alone
    by a look, and a pinned commit by nothing."""
    repos = [upstream.add(f"m{n}") for n in range(3)]
    upstream.add("not-watched")
    both = upstream.named(*repos[:2])
    upstream.settled(both)
    assert upstream.asked == ["unchanged"]
    upstream.commit(repos[1], {"config.json": b"{}"})
    assert said(upstream.sweep(both).changes) == [(repos[1], "weights")]
    assert upstream.asked == ["listing", repos[1]]

    upstream.settled(upstream.named(repos[2]))
    assert upstream.asked == [repos[2]]
    sha = upstream.door.base_revision(repos[2]).sha
    upstream.sweep(upstream.watch(f"repos: [{{repo: {repos[2]}, revision: {sha}}}]"))
    assert upstream.asked == []


def test_a_name_may_be_added_at_any_time(upstream: Upstream) -> None:
    """A repo named anew is looked at although its author's listing did not change since; what was known
    already costs nothing."""
    repos = [upstream.add(f"m{n}") for n in range(3)]
    upstream.settled(upstream.named(*repos[:2]))
    added = upstream.sweep(upstream.named(*repos))
    assert said(added.changes) == [(repos[2], "new")]
    assert upstream.asked == ["listing", repos[2]]


def test_only_what_fits_and_changed_since_is_looked_at(upstream: Upstream) -> None:
    """Patterns, exclusions and `since` are decided from the listing; an edited pattern is applied at once."""
    for name in ("Good-1", "Good-1-FP8", "Bad-1"):
        upstream.add(name)
    entry = f"author: {upstream.author}, match: ['good-*'], exclude: ['*-fp8']"
    narrow = upstream.watch(f"authors: [{{{entry}, since: 2020-01-01}}]")
    assert said(upstream.sweep(upstream.watch(f"authors: [{{{entry}, since: 2999-01-01}}]")).changes) == []
    assert upstream.asked == ["listing"]
    upstream.settled(narrow)
    assert list(known_repos(upstream.journal, [f"{upstream.author}/Bad-1"])) == []
    wide = upstream.sweep()
    assert sorted(repo.split("/")[1] for repo, _ in said(wide.changes)) == ["Bad-1", "Good-1-FP8"]


# ------------------------------------------------------------------ what waits


def test_a_fresh_repo_waits_without_a_look_until_it_is_old_enough(upstream: Upstream) -> None:
    """Until its minimum age a new repo costs nothing but its author's listing; then it is a change."""
    repo = upstream.add("m")
    watchlist = upstream.watch(min_age="2h")
    for asked in (["listing"], ["unchanged"]):
        found = upstream.sweep(watchlist)
        [waiting] = found.waiting
        assert found.changes == ()
        assert "2 hours old" in waiting.reason
        assert waiting.until is not None
        assert upstream.asked == asked
    upstream.now += timedelta(hours=2)
    assert said(upstream.sweep(watchlist).changes) == [(repo, "new")]
    assert upstream.asked == ["unchanged", repo]


def test_every_commit_starts_the_waiting_anew(upstream: Upstream) -> None:
    """While commits still come the base is not old enough; a shorter minimum age counts at once."""
    repo = upstream.add("m")
    watchlist = upstream.watch(min_age="61m")
    upstream.now += timedelta(minutes=-1)
    first = upstream.sweep(watchlist).waiting[0]
    upstream.commit(repo, {"tokenizer.json": b"[]"})
    second = upstream.sweep(watchlist).waiting[0]
    assert first.until is not None
    assert second.until is not None
    assert first.until < second.until
    assert upstream.asked == ["listing"]
    assert said(upstream.sweep(upstream.watch(min_age="1m")).changes) == [(repo, "new")]


def test_a_half_uploaded_repo_waits_for_a_commit(upstream: Upstream) -> None:
    """Missing shards hold a base back without another look; the commit that brings the last makes it due."""
    shards = {f"model-0000{n}-of-00002.safetensors": bytes([n]) for n in (1, 2)}
    rest = {path: content for path, content in BASE.items() if path != "model.safetensors"}
    repo = upstream.add("m", {**rest, "model-00001-of-00002.safetensors": b"1"})
    for asked in (["listing", repo], ["unchanged"]):
        assert "1 weight files are still to come" in upstream.sweep().waiting[0].reason
        assert upstream.asked == asked
    upstream.commit(repo, shards)
    found = upstream.sweep()
    assert said(found.changes) == [(repo, "new")]
    assert found.waiting == ()


def test_the_index_is_asked_where_the_names_do_not_tell(upstream: Upstream) -> None:
    """Shards of an earlier upload with another count promise files that the index does not name."""
    old_and_new = {
        "model-00001-of-00002.safetensors": b"1",
        "model-00001-of-00003.safetensors": b"left over",
        "model-00002-of-00002.safetensors": b"2",
    }
    named = '"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"'
    index = {"model.safetensors.index.json": f'{{"weight_map": {{{named}}}}}'.encode()}
    rest = {path: content for path, content in BASE.items() if path != "model.safetensors"}
    repo = upstream.add("m", {**rest, **old_and_new, **index})
    assert said(upstream.sweep().changes) == [(repo, "new")]
    assert len(upstream.asked) == 3
    other = upstream.add("n", {**rest, **index, "model-00002-of-00002.safetensors": b"2"})
    assert [w.repo for w in upstream.sweep().waiting] == [other]


def test_every_kind_of_change_is_reported(upstream: Upstream) -> None:
    """Whether anything is made of it is not the sweep's business: README, license and others are changes
    too, whatever the watchlist says of approval, size and terms."""
    repo = upstream.add("m")
    strict = upstream.watch(approval="ask", max_size="1B")
    assert said(upstream.sweep(strict).changes) == [(repo, "new")]
    upstream.settled(strict)
    for files, kind in (
        ({"README.md": b"---\nlicense: mit\n---\nmore"}, "card"),
        ({"generation_config.json": b"{}"}, "generation_config"),
        ({"plot.png": b"p"}, "other"),
        ({"README.md": b"---\nlicense: other\n---\n", "model.safetensors": b"new"}, "license"),
    ):
        upstream.commit(repo, files)
        found = upstream.sweep(strict)
        assert said(found.changes) == [(repo, kind)]
        upstream.take_up(found)


# ------------------------------------------------------------------ what goes wrong


def test_one_bad_repo_does_not_stop_the_sweep(upstream: Upstream) -> None:
    """A missing repo and an unknown author are sentences; the others are found, and both are tried again."""
    good, bad = upstream.add("m"), f"{upstream.other}2/missing"
    authors = f"authors: [{{author: {upstream.other}, since: 2020-01-01}}]"
    watchlist = upstream.watch(f"repos: [{{repo: {bad}}}, {{repo: {good}}}]\n{authors}")
    for _ in range(2):
        first = upstream.sweep(watchlist)
        assert said(first.changes) == [(good, "new")]
        assert sorted(first.failed) == sorted((upstream.other, bad))
        assert all("check the name" in error for error in first.errors)
    upstream.add(bad)
    upstream.add(f"{upstream.other}/m")
    assert len(upstream.sweep(watchlist).changes) == 3


def test_a_look_that_fails_is_made_again(upstream: Upstream) -> None:
    """A listing that was read is not read again, but what it showed is not forgotten with a failed look."""
    repo = upstream.add("m")
    upstream.hub.arm(Fault(kind="error", status=403, path=f"/api/models/{repo}"))
    broken = upstream.sweep()
    assert broken.failed == (repo,)
    assert broken.changes == ()
    assert said(upstream.sweep().changes) == [(repo, "new")]
    assert upstream.asked == ["unchanged", repo]


def test_a_hub_that_goes_away_ends_the_sweep_and_the_next_goes_on(upstream: Upstream) -> None:
    """When the Hub is down the rest is not tried; what was found counts, the next sweep finds the rest."""
    repos = {upstream.add(f"m{n}") for n in range(3)}
    # The door waits out a 5xx with growing pauses; an answer of no known meaning ends it at once.
    upstream.hub.arm(Fault(kind="error", status=418, path=f"/api/models/{upstream.author}/m1", times=50))
    broken = upstream.sweep()
    assert not broken.complete
    assert len(broken.errors) == 1
    upstream.take_up(broken)
    upstream.hub.disarm()
    whole = upstream.sweep()
    assert whole.complete
    assert {change.repo for change in (*broken.changes, *whole.changes)} == repos
    assert len(broken.changes) + len(whole.changes) == 3


# ------------------------------------------------------------------ what the end of a listing cannot show


def test_gating_is_seen_by_day(upstream: Upstream) -> None:
    """Gating a repo makes no commit; the listing says it, and one look makes it a license change."""
    repo = upstream.add("m")
    upstream.settled()
    upstream.store.set_gated("model", repo, "manual")
    found = upstream.sweep()
    assert said(found.changes) == [(repo, "license")]
    assert upstream.asked == ["listing", repo]
    upstream.take_up(found)
    assert upstream.sweep().changes == ()


def test_the_night_finds_what_is_gone(upstream: Upstream) -> None:
    """Deleted and private repos are missed by the whole listing and by a look, then they are gone, once."""
    deleted, hidden, there = (upstream.add(name) for name in ("m1", "m2", "m3"))
    upstream.settled()
    upstream.store.delete_repo("model", deleted)
    upstream.store.update_settings("model", hidden, private=True)
    assert upstream.sweep().changes == ()
    night = upstream.sweep(night=True)
    assert sorted(said(night.changes)) == [(deleted, "gone"), (hidden, "gone")]
    assert sorted(upstream.asked) == sorted(["listing", deleted, hidden])
    assert all(change.before == change.sha for change in night.changes)
    assert sorted(said(upstream.sweep().changes)) == [(deleted, "gone"), (hidden, "gone")], "not dealt with"
    upstream.take_up(night)
    assert upstream.sweep().changes == ()
    assert upstream.sweep(night=True).changes == ()
    assert upstream.asked == ["listing"]

    upstream.store.update_settings("model", hidden, private=False)
    upstream.commit(hidden, {"model.safetensors": b"new"})
    assert said(upstream.sweep().changes) == [(hidden, "weights")]
    assert known_repos(upstream.journal, [hidden])[hidden].standing == "present"
    assert there not in {change.repo for change in night.changes}


def test_a_named_repo_is_gone_only_by_two_witnesses(upstream: Upstream) -> None:
    """A look alone that finds nothing is an error by day; at night the author's listing has to agree."""
    repo = upstream.add("m")
    watchlist = upstream.named(repo)
    upstream.settled(watchlist)
    missing = Fault(kind="error", status=404, code="RepoNotFound", path=f"/api/models/{repo}", times=2)
    upstream.hub.arm(missing)
    assert upstream.sweep(watchlist).failed == (repo,)
    assert upstream.sweep(watchlist, night=True).failed == (repo,), "it is listed"
    upstream.store.delete_repo("model", repo)
    assert upstream.sweep(watchlist).failed == (repo,)
    night = upstream.sweep(watchlist, night=True)
    assert said(night.changes) == [(repo, "gone")]
    upstream.take_up(night)
    assert upstream.sweep(watchlist).failed == ()


@pytest.mark.parametrize("night", [False, True])
def test_a_renamed_repo_is_no_new_base(upstream: Upstream, night: bool) -> None:
    """A new name with a known commit is asked for under its old name: the change names both, nothing is
    new, and what was taken up counts for the new name."""
    repo, to = upstream.add("m"), f"{upstream.author}/m-renamed"
    upstream.add("n")
    upstream.settled()
    upstream.store.move_repo("model", repo, to)
    found = upstream.sweep(night=night)
    [change] = found.changes
    assert (change.repo, change.kind, change.renamed_to) == (repo, "renamed", to)
    assert found.revisions[repo].repo == to
    upstream.take_up(found)
    assert upstream.sweep().changes == ()
    assert upstream.sweep(night=True).changes == ()
    upstream.commit(to, {"tokenizer.json": b"[]"})
    assert said(upstream.sweep().changes) == [(to, "tokenizer")]


@pytest.mark.parametrize("names", [("m",), ("m", "n")])
def test_a_renamed_repo_that_was_named_asks_for_its_new_name(
    upstream: Upstream, names: tuple[str, ...]
) -> None:
    """A watchlist that names the old name is told the new one by every sweep, and nothing is asked for it,
    whether its author's listing is read or not."""
    repos = [upstream.add(name) for name in names]
    repo, to = repos[0], f"{upstream.other}/m"
    watchlist = upstream.named(*repos)
    upstream.settled(watchlist)
    upstream.store.move_repo("model", repo, to)
    found = upstream.sweep(watchlist, night=len(names) > 1)
    assert [(c.kind, c.renamed_to) for c in found.changes] == [("renamed", to)]
    upstream.take_up(found)
    for _ in range(2):
        told = upstream.sweep(watchlist)
        assert (told.changes, repo in upstream.asked) == ((), False)
        assert f"{repo} is {to} now" in told.errors[0]
    assert upstream.sweep(watchlist, night=True).changes == ()
    assert upstream.sweep(upstream.named(to)).changes == (), "it is known under its new name"


# ------------------------------------------------------------------ one repo, and what was known before


def test_a_look_at_one_repo_costs_one_request(upstream: Upstream) -> None:
    """What a webhook asks for is found at once, and the next sweep reports it until it is dealt with."""
    repo = upstream.add("m")
    upstream.settled()
    upstream.commit(repo, {"generation_config.json": b"{}"})
    found = upstream.look_at(repo)
    assert said(found.changes) == [(repo, "generation_config")]
    assert upstream.asked == [repo]
    assert said(upstream.sweep().changes) == [(repo, "generation_config")]
    upstream.take_up(found)
    upstream.store.delete_repo("model", repo)
    assert said(upstream.look_at(repo).changes) == [(repo, "gone")]
    with pytest.raises(NotFound, match="not watched"):
        upstream.look_at("somebody/else")


def test_what_was_made_before_the_journal_was_there_is_not_new(upstream: Upstream) -> None:
    """`seen` answers once for revisions that an older bot took up; the journal knows them from then on."""
    repo, to = upstream.add("m"), f"{upstream.author}/m2"
    before = upstream.door.base_revision(repo)
    upstream.commit(repo, {"tokenizer.json": b"[]"})
    for seen in ({repo: before}, {}):
        found: SweepResult = sweep(
            upstream.watch(), upstream.door, upstream.journal, upstream.now, seen=seen.get
        )
        assert said(found.changes) == [(repo, "tokenizer")]
    upstream.store.move_repo("model", repo, to)
    upstream.take_up(upstream.sweep())
    assert said(upstream.sweep().changes) == [(to, "tokenizer")]


def test_a_listing_without_end_is_an_error(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hub whose pages lead on for ever costs a bounded number of requests, and is said to be at fault."""
    monkeypatch.setattr("bot.watch.findings.MOST_PAGES", 4)
    upstream.add("m")
    page = upstream.door.listing(upstream.author)
    assert page is not None
    monkeypatch.setattr(
        upstream.door,
        "listing",
        lambda *_, **__: replace(page, next=f"{upstream.door.endpoint}/api/models?x"),
    )
    found = nightly(upstream.watch(), upstream.door, upstream.journal, upstream.now)
    assert (found.complete, found.requests) == (False, 3 + 1)
    assert "does not end" in found.errors[0]


def test_the_journal_says_when_an_author_was_read(upstream: Upstream) -> None:
    """The time of the last reading counts a 304 too; the time of the last whole one does not."""
    upstream.add("m")
    upstream.settled()
    upstream.now += timedelta(hours=1)
    upstream.sweep()
    read = known_listings(upstream.journal)[upstream.author]
    assert (read.read_at, read.full_at) == (upstream.now.timestamp(), 0.0)
    upstream.sweep(night=True)
    assert known_listings(upstream.journal)[upstream.author].full_at == upstream.now.timestamp()
    upstream.sweep()
    assert upstream.asked == ["unchanged"], "a whole reading takes nothing from the next sweep"
