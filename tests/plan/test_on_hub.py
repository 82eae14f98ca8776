"""What a plan asks the Hub: how much a base is wanted, what the account holds, and a base with open terms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import NeedsPerson
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.plan import build
from bot.plan.budget import Storage
from bot.plan.make import make_plan
from bot.plan.priority import Popularity, interest
from bot.plan.room import storage_of, storages
from bot.plan.rules import verdict
from bot.plan.wishes import wishes_for
from bot.records import Change
from bot.rehearsal.bases import base_files
from bot.settings import Settings
from bot.watch.budget import Budget
from bot.watch.quantities import Size
from bot.watch.watchlist import entry_for, load_watchlist

BASE = "rehearsal-bases/Tiny-Qwen3"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    root = tmp_path_factory.mktemp("hub")
    store = Store(root)
    store.create_repo("model", BASE)
    store.commit("model", BASE, base_files("Tiny-Qwen3"))
    with LoopbackHub.start(root) as running:
        yield running


@pytest.fixture
def known(hub: LoopbackHub, tmp_path: Path) -> Settings:
    (tmp_path / "watchlist.yaml").write_text(f"recipes: [q8]\napproval: auto\nrepos: [{{repo: {BASE}}}]\n")
    return Settings(home=tmp_path, endpoint=hub.endpoint, watchlist=tmp_path / "watchlist.yaml")


def test_a_base_with_open_terms_is_planned_and_asked_about(hub: LoopbackHub, known: Settings) -> None:
    """The person who is asked sees sizes and targets; `bot publish` refuses it until --accept. How much it is
    wanted is its interest."""
    store = Store(hub.root)
    store.update_settings("model", BASE, downloads=200_000, likes=500)
    store.set_gated("model", BASE, "auto", readers=["tester"])
    door = HubDoor(known, "hf_tester")
    wishes = wishes_for(door, known, BASE, None)
    base = door.base_revision(BASE)
    found = build.to_make(door, known, Change(repo=BASE, sha=base.sha, kind="new"), wishes, ())
    assert found.targets == ("tester/Tiny-Qwen3-q8-mlx",)
    assert found.interest == interest(Popularity(downloads=200_000, likes=500)) > 5
    assert found.estimate.disk_bytes > base.weight_bytes
    asked = verdict(found, entry_for(load_watchlist(known.watchlist), BASE))
    assert (asked.outcome, asked.rule) == ("ask", "accept, by default")
    with pytest.raises(NeedsPerson, match="--accept gated"):
        make_plan(door, known, BASE, None, wishes)


def test_what_an_account_holds_is_asked_only_where_it_is_limited(hub: LoopbackHub, known: Settings) -> None:
    """Private and public apart, from one listing; without a limit no request at all."""
    store = Store(hub.root)
    for name, private, size in (("a", True, 3000), ("b", True, 500), ("c", False, 200)):
        store.create_repo("model", f"tester/{name}", private=private)
        store.commit("model", f"tester/{name}", {"model.safetensors": b"x" * size})
    door = HubDoor(known, "hf_tester")
    assert storage_of(door, "tester") == Storage(private=3500, public=200)
    assert storage_of(HubDoor(known, "hf_other"), "tester") == Storage(public=200)
    before = len(hub.requests())
    assert storages(door, Budget(disk=Size(1)), ["tester"]) == {}
    assert len(hub.requests()) == before
    assert storages(door, Budget(private_storage=Size(1)), ["tester", ""]) == {
        "tester": Storage(private=3500, public=200)
    }
    assert len(hub.requests()) == before + 1
