"""Whose listings are read, how far, and what they tell: pure decisions."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import HubUnavailable
from bot.huggingface import HubDoor, ListedModel, ListedPage, _listed
from bot.journal.repos import KnownRepo
from bot.settings import Settings
from bot.watch.listing import Followed, followed, marked, not_shown, read_enough, shown_changed
from bot.watch.quantities import Account, RecipeItem, Repo
from bot.watch.watchlist import AuthorEntry, RepoEntry, Watchlist

DAY = datetime.date(2020, 1, 1)


def watching(repos: list[RepoEntry], *authors: str) -> Watchlist:
    entries = tuple(AuthorEntry(author=Account(author), since=DAY) for author in authors)
    return Watchlist(recipes=(RecipeItem("q8"),), repos=tuple(repos), authors=entries)


def at(second: int) -> str:
    return f"2026-01-01T00:{second // 60:02}:{second % 60:02}.000+00:00"


NAMES = st.builds(lambda owner, name: f"{owner}/{name}", st.sampled_from("aAbc"), st.sampled_from("mnopq"))
REVISIONS = st.sampled_from([None, None, None, "v1", "0" * 40])


@given(st.dictionaries(NAMES.map(str.lower), REVISIONS, max_size=12), st.sets(st.sampled_from("Abd")))
def test_everything_followed_is_looked_for_in_one_place(
    named: dict[str, str | None], authors: set[str]
) -> None:
    """Each named repo is in one listing or looked at by itself; an author has one listing at most, and a
    listing that is not read for its author saves at least one look."""
    entries = [RepoEntry(repo=Repo(repo), revision=revision) for repo, revision in named.items()]
    groups, singles = followed(watching(entries, *sorted(authors)))
    by_itself = [str(one.repo) for one in singles]
    listed = [repo for group in groups for repo in group.named]
    assert sorted([*by_itself, *listed]) == sorted(named)
    assert len({group.author.lower() for group in groups}) == len(groups)
    assert {author.lower() for author in authors} <= {group.author.lower() for group in groups}
    assert all(group.wholly or len(group.named) > 1 for group in groups)
    assert {repo for repo, revision in named.items() if revision} <= set(by_itself)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=40),
    st.lists(st.integers(0, 50), max_size=10),
    st.integers(1, 7),
)
def test_reading_stops_below_everything_new(before: list[int], new: list[int], size: int) -> None:
    """Whatever changed since the former reading (at its newest change or later) stands on the pages that are
    read, whatever their length; and no page is read after one that ends below it."""
    newest = max(before)
    times = sorted([*before, *(newest + second for second in new)], reverse=True)
    models = [ListedModel(repo=f"a/m{n}", sha="", last_modified=at(t)) for n, t in enumerate(times)]
    pages = [models[start : start + size] for start in range(0, len(models), size)]
    group, read = Followed("a", watching([], "a")), []
    for page in pages:
        read += page
        if read_enough(group, ListedPage(models=tuple(page)), at(newest)):
            break
    assert {m.repo for m in models if m.last_modified >= at(newest)} <= {m.repo for m in read}
    assert all(m.last_modified >= at(newest) for m in read[: -len(page)])


@pytest.mark.parametrize(
    ("followed_", "last", "newest", "enough"),
    [
        (Followed("a", watching([], "a")), "2020-01-02T00:00:00.000+00:00", "", False),
        (Followed("a", watching([], "a")), "2019-12-31T00:00:00.000+00:00", "", True),
        (Followed("a", watching([])), "2026-01-02T00:00:00.000+00:00", "", True),
    ],
)
def test_the_first_reading_goes_back_to_since(
    followed_: Followed, last: str, newest: str, enough: bool
) -> None:
    """An author's listing is read to the first day that counts; for named repos the first page has to do."""
    page = ListedPage(models=(ListedModel(repo="a/m", sha="", last_modified=last),))
    assert read_enough(followed_, page, newest) == enough


@given(st.sampled_from(["", "a", "b"]), st.sampled_from(["", "a", "b"]), st.booleans())
def test_a_repo_is_marked_when_the_listing_shows_another_commit(shown: str, known: str, taken: bool) -> None:
    """The commit decides, without one the date; the same again is no mark; a mark names the new commit."""
    model = ListedModel(repo="a/m", sha=shown * 40, last_modified=at(1 if shown == known else 2))
    row = KnownRepo(repo="a/m", sha=known * 40, last_modified=at(1), taken=taken)
    mark = shown_changed(model, row)
    assert (mark is None) == (shown == known)
    if mark is not None and mark.waiting is not None:
        assert mark.waiting.kind == ("other" if taken else "new")
        assert mark.sha == (shown * 40 or row.sha)


@pytest.mark.parametrize("standing", ["gone", "renamed"])
def test_what_was_gone_and_is_listed_again_is_looked_at(standing: str) -> None:
    """A repo that came back is present, although its commit is the known one."""
    row = KnownRepo(repo="a/m", sha="a" * 40, standing=standing)  # type: ignore[arg-type]  # one of the three
    mark = shown_changed(ListedModel(repo="a/m", sha="a" * 40, last_modified=""), row)
    assert mark is not None
    assert mark.standing == "present"
    assert shown_changed(ListedModel(repo="a/m", sha="a" * 40, last_modified=""), marked(row, "x")) is None


@pytest.mark.parametrize(("known", "shown"), [(True, False), (False, True), (None, True), (True, True)])
def test_gating_marks_a_repo_both_ways(known: bool | None, shown: bool) -> None:
    """Gating that differs from what was taken up is a reason to look; what was never taken up has none."""
    row = KnownRepo(repo="a/m", sha="a" * 40, gated=known, taken=known is not None)
    mark = shown_changed(ListedModel(repo="a/m", sha="a" * 40, last_modified="", gated=shown), row)
    assert (mark is not None) == (known is not None and known != shown)


def test_names_are_compared_without_case() -> None:
    """What a person spells otherwise than the Hub is shown all the same."""
    shown = [ListedModel(repo="Qwen/Qwen3-8B", sha="", last_modified="")]
    assert not_shown(["qwen/qwen3-8b", "qwen/other"], shown) == ["qwen/other"]


def test_the_digest_is_of_what_is_followed_alone() -> None:
    """Other settings of an entry, and their order in the file, do not make a listing be read anew."""
    one, two = RepoEntry(repo=Repo("a/m")), RepoEntry(repo=Repo("a/n"))
    plain = Followed("a", watching([one, two], "a")).digest
    asks = RepoEntry(repo=Repo("a/n"), approval="ask")
    assert Followed("a", watching([asks, one], "a")).digest == plain
    assert Followed("a", watching([one], "a")).digest != plain


# ------------------------------------------------------------------ what the door makes of a Hub's answer


@given(st.binary(max_size=200))
def test_any_answer_is_a_listing_or_the_hubs_fault(body: bytes) -> None:
    """Bytes that are no listing are an error of the Hub's, in a sentence."""
    try:
        found = _listed(body, "a")
    except HubUnavailable:
        return
    assert all(model.repo.count("/") == 1 for model in found)


def test_lines_without_a_repos_name_are_left_out() -> None:
    """Hostile or broken lines cost themselves alone; dates are compared as texts, so they are in UTC."""
    names = [b"a/m", b"../x", b"a/b/c", b"a/", b"\\u0000/x", b"a b/c"]
    lines = [
        b'{"id": "' + name + b'", "lastModified": "2026-01-01T02:00:00+02:00", "more": [1]}' for name in names
    ]
    [model] = _listed(b"[" + b",".join(lines) + b"]", "a")
    assert (model.repo, model.sha, model.last_modified) == ("a/m", "", at(0))


def test_a_listing_is_not_followed_to_another_server(tmp_path: Path) -> None:
    """A page that leads elsewhere would take the token along."""
    door = HubDoor(Settings(home=tmp_path, endpoint="http://127.0.0.1:9"), token="hf_me")
    for page in ("http://evil.example/api/models", "http://127.0.0.1:99/api/models"):
        with pytest.raises(HubUnavailable, match="another server"):
            door.listing("a", page=page)
