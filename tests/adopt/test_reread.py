"""The nightly re-read: what changed on the Hub behind the bot's back is noticed, told once, and mended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.adopt.advisories import Advisory
from bot.adopt.reread import mend, reread
from bot.adopt.trouble import Trouble
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.journal import published, tables
from bot.journal.database import Journal, journal
from bot.journal.timeline import since
from bot.publish import collections, ledger, manifest
from bot.records import Evidence, Manifest
from bot.settings import Settings

ACCOUNT = "veteran"
TITLE = "Small-8B MLX quants"
RECIPES = ("qx86-hi", "qx64-hi", "q6-hi")
FILES = ("README.md", "config.json", "model.safetensors")


class Account:
    """Three quants of the bot's on a Hub, in one collection with a model of somebody else's between them."""

    def __init__(self, folder: Path, hub: LoopbackHub, kept: Journal) -> None:
        self.folder, self.hub, self.ledger = folder, hub, kept
        known = Settings(home=folder / "home", endpoint=hub.endpoint)
        self.door = HubDoor(known, token=f"hf_{ACCOUNT}")
        self.door.api.create_repo("veteran/by-hand")
        self.repos = tuple(self.publish(recipe) for recipe in RECIPES)
        self.slug = ""
        for name in (self.repos[0], "veteran/by-hand", *self.repos[1:]):
            self.slug = collections.add(self.door, ACCOUNT, TITLE, name, "a note")

    def publish(self, recipe: str) -> str:
        name = f"{ACCOUNT}/Small-8B-{recipe}-mlx"
        folder = self.folder / recipe
        folder.mkdir()
        for path in FILES:
            (folder / path).write_text(f"{path} of {recipe}")
        entry = Manifest(
            repo=name, base="somebody/Small-8B", base_sha="0" * 40, recipe=recipe, recipe_hash="c0ffee",
            collections=(TITLE,), bits_per_weight=6.5,
        )  # fmt: skip
        manifest.write(folder, entry)
        store = Store(self.hub.root)
        store.create_repo("model", name)
        store.commit("model", name, {path.name: path for path in folder.iterdir()})
        return name

    def upload(self, name: str, path: str, text: str) -> None:
        self.door.api.upload_file(path_or_fileobj=text.encode(), path_in_repo=path, repo_id=name)

    def reread(self, *advisories: Advisory) -> list[Trouble]:
        return reread(self.door, self.ledger, ACCOUNT, advisories)

    def kinds(self, *advisories: Advisory) -> set[tuple[str, str]]:
        """(recipe, what is wrong) of each trouble."""
        found = self.reread(*advisories)
        return {(trouble.repo.removeprefix(f"{ACCOUNT}/Small-8B-")[:-4], trouble.kind) for trouble in found}

    def told(self) -> list[str]:
        return [event.text for event in since(self.ledger, kinds=("repair",))]

    def shelf(self) -> tuple[str, ...]:
        return collections.models(self.door, self.slug)

    def item(self, name: str) -> str:
        items = self.door.api.get_collection(self.slug).items
        return next(item.item_object_id for item in items if item.item_id == name)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with (
        LoopbackHub.start(tmp_path / "hub") as hub,
        journal(Settings(home=tmp_path / "home", endpoint=hub.endpoint)) as kept,
    ):
        yield Account(tmp_path, hub, kept)


def test_a_quiet_night_costs_two_requests_and_tells_nothing(account: Account) -> None:
    """The first look reads each repo and its manifest; after that two lists say that nothing changed."""
    account.hub.forget_requests()
    assert account.reread() == []
    first = len(account.hub.requests())
    account.hub.forget_requests()
    assert account.reread() == []
    assert (first, len(account.hub.requests())) == (1 + 4 + 3 + 2, 2)
    assert account.told() == []
    rows = published.of_account(account.ledger, ACCOUNT)
    assert {repo: row.origin for repo, row in rows.items()} == {
        **dict.fromkeys(account.repos, "made"), "veteran/by-hand": "foreign"
    }  # fmt: skip


def test_what_happened_to_the_files_is_told_once_with_the_way_out(account: Account) -> None:
    """A card edited by hand, a file deleted, weights of the same size exchanged, weights added."""
    account.reread()
    one, two, three = account.repos
    account.upload(one, "README.md", "my own words")
    account.door.api.delete_file("config.json", two)
    account.upload(three, "model.safetensors", "MODEL.safetensors of q6-hi")
    account.upload(three, "model-00002.safetensors", "more")

    account.hub.forget_requests()
    assert account.kinds() == {
        ("qx86-hi", "edited"), ("qx64-hi", "missing"), ("q6-hi", "changed")
    }  # fmt: skip
    assert len(account.hub.requests()) == 2 + 3, "the manifests are as they were: one request a repo"
    told = account.told()
    assert len(told) == 4
    assert any("lacks config.json" in text for text in told)
    assert any("other bytes" in text and "model.safetensors" in text for text in told)
    assert any("mlx-lm loads them all" in text for text in told)
    commands = {event.data["command"] for event in since(account.ledger, kinds=("repair",)) if event.data}
    assert "bot publish somebody/Small-8B --recipe qx64-hi" in commands

    assert len(account.reread()) == 4
    assert account.told() == told


def test_a_quant_that_left_its_collection_is_put_back_and_nothing_else_moves(account: Account) -> None:
    """Missing items are mended by the bot; what others put there stays where it is."""
    account.reread()
    two = account.repos[1]
    account.door.api.delete_collection_item(account.slug, account.item(two))

    troubles = account.reread()
    assert [(trouble.repo, trouble.kind) for trouble in troubles] == [(two, "collection")]
    assert account.reread() == troubles, "still missing the next night"
    mended = mend(account.door, troubles, published.of_account(account.ledger, ACCOUNT))
    assert mended == troubles
    assert account.shelf() == (account.repos[0], "veteran/by-hand", account.repos[2], two)
    assert account.kinds() <= {("q6-hi", "collection"), ("qx64-hi", "collection")}, "the order is another now"
    assert account.reread() == []


def test_another_order_is_told_once_and_then_counts(account: Account) -> None:
    """Somebody may want it so; moving a foreign item is nobody's business."""
    account.reread()
    account.door.api.update_collection_item(account.slug, account.item("veteran/by-hand"), position=0)
    assert account.reread() == []
    account.door.api.update_collection_item(account.slug, account.item(account.repos[2]), position=0)
    (trouble,) = account.reread()
    assert trouble.kind == "collection"
    assert "stood before it" in trouble.text
    assert account.reread() == []


def test_versions_under_an_advisory_a_renamed_base_and_a_lost_repo_are_told(account: Account) -> None:
    """What others say of the tools, what the watch noted of the base, and what is no longer there."""
    found = ledger.look(account.door, account.repos[0]).manifest
    assert found is not None
    old = Evidence(versions={"mlx": "0.30.1"}, device="", made_at="2026-01-01T00:00:00+00:00")
    account.upload(account.repos[0], ledger.MANIFEST, manifest.encoded(replace(found, evidence=old)).decode())
    account.reread()
    with account.ledger.writing() as connection:
        connection.execute(
            tables.repo.insert().values(repo="somebody/Small-8B", standing="renamed", renamed_to="some/Other")
        )
    account.door.api.delete_repo(account.repos[2])

    advisory = Advisory(tool="mlx", versions="<0.31", what="sums are wrong", source="https://example.org")
    assert account.kinds(advisory) == {
        ("qx86-hi", "stale"), ("qx86-hi", "base"), ("qx64-hi", "base"), ("q6-hi", "gone")
    }  # fmt: skip
    assert any("mlx 0.30.1: sums are wrong (https://example.org)" in text for text in account.told())
    assert any("renamed to some/Other" in text for text in account.told())
    assert ("q6-hi", "gone") not in account.kinds(advisory), "told once, then forgotten"
