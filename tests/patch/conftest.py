"""A base and quants of it on a loopback Hub: weights of a few bytes, cards as the bot writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.card.board import board
from bot.card.figures import FOLDER
from bot.card.figures.sketch import sketches
from bot.card.render import render
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.patch.apply import Patching
from bot.patch.patch import Patch, PatchedRepo
from bot.patch.plan import plan_patch
from bot.patch.trial import Tried
from bot.publish import card_facts, ledger, manifest, repo
from bot.records import BaseRevision, Change, ChangeKind, Manifest, Measurement
from bot.review.review import review
from bot.settings import Settings
from tests.card import examples
from tests.card.examples import ACCOUNT, BASE_MEASUREMENT, MXFP4, QX64_HI

BASE = examples.BASE.repo
SMALL = {
    "config.json": b'{"model_type": "lfm2_moe"}',
    "tokenizer.json": b'{"version": "1.0"}',
    "tokenizer_config.json": b'{"eos_token": "<|im_end|>"}',
    "chat_template.jinja": b"{{ messages[0].content }}",
    "generation_config.json": b'{"do_sample": false}',
    "vocab.txt": b"a\nb\n",
    "LICENSE": b"You may.\n",
}
CARD = b"---\nlicense: mit\n---\n# The base\n"
NOW = Tried(chat_template_sha256=64 * "b")
"""What trying the new files found: they are right, and render another template than was measured."""


class World:
    """The publisher's account and the base that it made quants of."""

    def __init__(self, hub: LoopbackHub, folder: Path) -> None:
        self.hub, self.store, self.folder = hub, Store(hub.root), folder
        self.known = Settings(home=folder / "home", endpoint=hub.endpoint)
        self.door = HubDoor(self.known, token=f"hf_{ACCOUNT}")
        self.store.create_repo("model", BASE)
        self.upstream({**SMALL, "model.safetensors": b"weights of the base", "README.md": CARD})
        self.made_of = self.revision()

    def upstream(self, files: Mapping[str, bytes], removed: tuple[str, ...] = ()) -> BaseRevision:
        """The base's author commits. Returns the new revision."""
        self.store.commit("model", BASE, files)
        author = HubDoor(self.known, token=f"hf_{BASE.split('/')[0]}")
        for path in removed:
            author.api.delete_file(path, BASE)
        return self.revision()

    def revision(self) -> BaseRevision:
        return self.door.base_revision(BASE)

    def put(
        self,
        mine: Measurement,
        *others: Measurement,
        base: BaseRevision | None = None,
        measuring: bool = False,
    ) -> str:
        """Publish a quant of the base at `base` beside its siblings, as the flow does. Returns its repo.

        Its pictures are none: what is looked at is whether they are drawn again.
        """
        of = base or self.made_of
        target = examples.repo(mine.recipe or "")
        folder = self.folder / (mine.recipe or "")
        folder.mkdir(parents=True)
        small = {path: self.door.read(BASE, path, of.sha) for path in SMALL}
        for path, data in {**small, "model.safetensors": b"packed " + target.encode()}.items():
            if data is not None:
                (folder / path).write_bytes(data)
        known = examples.card_facts(mine=mine, others=others, base=of)
        facts = replace(known, endpoint=self.door.endpoint)
        shown = sketches(facts, board(facts))
        (folder / FOLDER).mkdir()
        for path in (path for sketch in shown for path in (sketch.path, sketch.dark_path)):
            (folder / path).write_bytes(b"a picture")
        card = render(facts, review(facts), None, shown)
        (folder / "README.md").write_text(card.text, encoding="utf-8")
        card_facts.write(folder, facts, mine, BASE_MEASUREMENT)
        entry = Manifest(
            repo=target, base=BASE, base_sha=of.sha, recipe=mine.recipe or "", recipe_hash="c0ffee",
            template=card.template, template_commit=card.template_commit, measurement=mine,
            base_measurement=replace(BASE_MEASUREMENT, name=BASE), measuring=measuring,
        )  # fmt: skip
        manifest.write(folder, entry)
        place = repo.create(self.door, target, "private")
        repo.release(self.door, place, repo.upload(self.door, folder, place, "the quant"))
        return target

    def plan(
        self,
        kind: ChangeKind,
        before: BaseRevision | None = None,
        after: BaseRevision | None = None,
        renamed_to: str | None = None,
    ) -> Patch:
        """What the plan stage makes of a change that the watch saw."""
        sha = (after or before or self.made_of).sha
        change = Change(
            repo=BASE, sha=sha, kind=kind, renamed_to=renamed_to, seen_at="2026-03-04T05:06:07+00:00"
        )
        return plan_patch(self.door, self.known, change, before, after, ACCOUNT)

    def carry_out(self, patch: Patch, tried: Tried = NOW) -> dict[str, PatchedRepo]:
        """Every quant of the patch, one after the other, as the workflow does."""
        data = {path: self.door.read(BASE, path, patch.base.sha) or b"" for path in patch.files}
        work = Patching(self.door, patch, data)
        return {repo: work.apply(repo, tried) for repo in patch.repos}

    def manifest(self, target: str) -> Manifest:
        found = ledger.look(self.door, target).manifest
        assert found is not None
        return found

    def read(self, target: str, path: str) -> bytes | None:
        return self.door.read(target, path)

    def card(self, target: str) -> str:
        return (self.read(target, "README.md") or b"").decode()

    def edit(self, target: str, path: str, old: str, new: str) -> str:
        """Somebody changes a file on its page. Returns the commit."""
        text = (self.read(target, path) or b"").decode()
        assert old in text
        data = text.replace(old, new).encode()
        return self.door.api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=target).oid

    def commits(self, target: str) -> list[str]:
        return [commit.commit_id for commit in self.door.api.list_repo_commits(target)]

    def changed(self, target: str, since: str) -> set[str]:
        """The files that are other now than at a commit."""
        old, new = (self.door.files(target, sha) for sha in (since, "main"))
        return {file.path for file in {*old} ^ {*new}}


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    """One server for all tests here; each finds it empty."""
    with LoopbackHub.start(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def world(hub: LoopbackHub, tmp_path: Path) -> World:
    hub.disarm()
    store = Store(hub.root)
    for name in store.repos("model"):
        store.delete_repo("model", name)
    return World(hub, tmp_path)


@pytest.fixture
def quants(world: World) -> tuple[str, str]:
    """Two published quants of the base."""
    return world.put(QX64_HI, MXFP4), world.put(MXFP4, QX64_HI)
