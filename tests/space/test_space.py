"""What goes to make room, and what never does; over real folders and a real journal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.journal.database import Journal, journal
from bot.plan.budget import Room
from bot.plan.decisions import propose
from bot.plan.proposal import Estimate
from bot.plan.rules import Verdict
from bot.settings import Settings
from bot.space.ahead import free_for_next
from bot.space.folders import Needs, after_run, holdings, make_room, needs, remove
from bot.space.rules import Holding, may_go, to_free
from bot.watch.budget import Budget
from bot.watch.quantities import Size
from tests.plan.proposals import SHA, base, planned, proposal

SHORT = SHA[:12]
flags = st.booleans()
some = st.builds(
    Holding,
    path=st.uuids().map(str),
    kind=st.sampled_from(["base", "quant", "copy"]),
    base=st.just("a/b"),
    sha=st.just(SHORT),
    size_bytes=st.integers(0, 100),
    used_at=st.floats(0, 1e9),
    at_work=flags,
    on_hub=flags,
    wanted=flags,
    retry=flags,
)


@given(st.lists(some, max_size=12), st.none() | st.integers(0, 500))
def test_what_is_needed_never_goes(found: list[Holding], need: int | None) -> None:
    """Nothing at work, no quant that is on no Hub, no base that a plan waits for; and no more than is asked
    for, the least recently used of a kind first."""
    gone = to_free(found, need)
    assert all(not h.at_work for h in gone)
    assert all(h.on_hub for h in gone if h.kind == "quant")
    assert all(not h.wanted for h in gone if h.kind == "base")
    freed = sum(h.size_bytes for h in gone)
    if need is None:
        stays = [h for h in found if h not in gone and may_go(h)]
        assert all(h.kind == "base" and h.retry for h in stays)
    else:
        possible = sum(h.size_bytes for h in found if may_go(h))
        assert freed >= min(need, possible)
        assert not gone or freed - gone[-1].size_bytes < need
    ages = [h.used_at for h in gone if h.kind == "base" and not h.retry]
    assert ages == sorted(ages)


@pytest.fixture
def known(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def opened(known: Settings) -> Iterator[Journal]:
    with journal(known) as found:
        yield found


def put(known: Settings, work: str, *paths: str, at: float = 1000.0) -> Path:
    """A work folder with these files of ten bytes, written at that time."""
    folder = known.state / "work" / work
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"0123456789")
    for file in (folder, *folder.rglob("*")):
        os.utime(file, (at, at))
    return folder


def test_folders_are_read_with_who_needs_them(known: Settings) -> None:
    """Base, quants and copies of each revision; a quant that was written since it was published is not what
    the Hub holds; what is no work folder of ours is not looked at."""
    put(
        known,
        f"Qwen--Qwen3-8B@{SHORT}",
        "base/m",
        "quants/x-q8-mlx/m",
        "quants/x-q4-mlx/m",
        "copies/x-q8-mlx/m",
    )
    put(known, "notes", "readme")
    needed = Needs(
        wanted=frozenset({("Qwen/Qwen3-8B", SHORT)}),
        published={("x-q8-mlx", SHORT): 1000.0, ("x-q4-mlx", SHORT): 999.0},
    )
    found = {f"{h.kind} {Path(h.path).name}": h for h in holdings(known, needed)}
    assert set(found) == {"base base", "quant x-q8-mlx", "quant x-q4-mlx", "copy x-q8-mlx"}
    assert {name for name, h in found.items() if h.on_hub and h.kind == "quant"} == {"quant x-q8-mlx"}
    assert found["base base"].wanted
    assert {h.size_bytes for h in found.values()} == {10}


def test_room_is_made_oldest_first_and_waiting_plans_keep_their_base(
    known: Settings, opened: Journal
) -> None:
    """The base that a plan waits for stays; of the others the one used longest ago goes, and no more."""
    waits = put(known, f"Qwen--Qwen3-8B@{SHORT}", "base/m", at=1.0)
    old = put(known, f"a--old@{SHORT}", "base/m", at=10.0)
    new = put(known, f"a--new@{SHORT}", "base/m", "quants/never-published/m", at=20.0)
    propose(opened, proposal(), Verdict(outcome="ask", rule="approval", why="everything asks"))
    gone = make_room(known, opened, None, need=5)
    assert [h.base for h in gone] == ["a/old"]
    assert not old.exists()
    make_room(known, opened, None)
    assert (waits / "base").exists()
    assert not (new / "base").exists()
    assert (new / "quants" / "never-published" / "m").exists()
    assert needs(opened, None).wanted == {("Qwen/Qwen3-8B", SHORT)}


def test_room_is_made_for_the_plan_that_comes_next_and_only_if_it_is_enough(
    known: Settings, opened: Journal
) -> None:
    """What waits for disk gets what it lacks; what could never fit costs nobody a base."""
    now = datetime.now(UTC)
    old = put(known, f"a--old@{SHORT}", "base/m", at=10.0)
    new = put(known, f"a--new@{SHORT}", "base/m", at=20.0)
    start = Verdict(outcome="start", rule="approval", why="without asking")
    propose(opened, proposal(estimate=Estimate(disk_bytes=95)), start)
    room = Room(disk_used=20)
    assert free_for_next(known, opened, None, Budget(disk=Size(90)), room, now) == ()
    assert old.exists()
    assert free_for_next(known, opened, None, Budget(disk=Size(115)), room, now) == ()
    assert [h.base for h in free_for_next(known, opened, None, Budget(disk=Size(110)), room, now)] == [
        "a/old"
    ]
    assert new.exists()
    assert not old.exists()


def test_nothing_outside_the_work_folder_is_removed(known: Settings, tmp_path: Path) -> None:
    """Not by a path that leads out, not through a link."""
    put(known, f"a--b@{SHORT}", "base/m")
    precious = tmp_path / "precious"
    precious.mkdir()
    link = known.state / "work" / f"a--c@{SHORT}"
    link.symlink_to(precious)
    out = Holding(
        path=str(known.state / "work" / ".." / ".." / ".." / "precious"),
        kind="copy",
        base="a/b",
        sha="",
        size_bytes=0,
        used_at=0,
    )
    remove(known, [out])
    assert precious.exists()
    assert all(h.base == "a/b" for h in holdings(known, Needs()))


@pytest.mark.parametrize("more", [False, True])
def test_after_a_run_its_folders_go_but_not_a_base_that_more_plans_wait_for(
    known: Settings, opened: Journal, more: bool
) -> None:
    """The quants are on the Hub; the base is fetched once for all its plans."""
    folder = put(known, f"Qwen--Qwen3-8B@{SHORT}", "base/m", "quants/x/m", "copies/x/m")
    if more:
        propose(opened, proposal(), Verdict(outcome="ask", rule="approval", why="everything asks"))
    after_run(known, opened, planned(base()))
    assert (folder / "base").exists() is more
    assert not (folder / "quants").exists()
    assert not (folder / "copies").exists()
