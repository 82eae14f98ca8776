"""The small files that a tokenizer is read from: right or not there at all, and fetched once."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.errors import UnsuitableBase, VerificationFailed
from bot.hub.faults import Fault
from bot.patch import small
from bot.publish import ledger
from bot.records import RepoFile
from tests.card.examples import QX64_HI
from tests.patch.conftest import SMALL, World

TEMPLATE = b"{{ messages[0].content | trim }}"


def test_bytes_that_are_not_those_the_hub_lists_are_never_taken(world: World, tmp_path: Path) -> None:
    """A wrong bit costs a second try, a second one the patch; what is right is not asked for again."""
    where = f"/resolve/{world.made_of.sha}/chat_template.jinja"
    flip = Fault(kind="flip", method="GET", path=where, at=3, times=2)
    world.hub.arm(flip)
    with pytest.raises(VerificationFailed, match="chat_template"):
        small.base_files(world.door, world.made_of, (), tmp_path / "base")
    world.hub.arm(replace(flip, times=1))

    folder = small.base_files(world.door, world.made_of, (), tmp_path / "base")
    world.hub.forget_requests()
    small.base_files(world.door, world.made_of, (), tmp_path / "base")

    assert world.hub.requests() == []
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")}
    assert found == SMALL


def test_a_quant_is_tried_with_the_new_files_in_it_and_its_own_beside(world: World, tmp_path: Path) -> None:
    """Of the quant only what is its own is fetched; the folder with the new files leaves the other alone."""
    repo = world.put(QX64_HI)
    world.edit(repo, "config.json", "lfm2_moe", "lfm3_moe")
    after = world.upstream({"chat_template.jinja": TEMPLATE})
    base = small.base_files(world.door, after, ("chat_template.jinja",), tmp_path / "base")
    there = ledger.look(world.door, repo)
    listed = world.door.files(repo, there.sha)
    world.hub.forget_requests()

    now = small.quant_files(world.door, repo, there.sha, listed, base, tmp_path / "now")
    then = small.with_files(now, base, ("chat_template.jinja",), ("vocab.txt",), tmp_path / "then")

    asked = {request.path.rpartition("/")[2] for request in world.hub.requests()}
    assert asked == {"config.json", "chat_template.jinja"}
    assert (now / "chat_template.jinja").read_bytes() == SMALL["chat_template.jinja"]
    assert (then / "chat_template.jinja").read_bytes() == TEMPLATE
    assert (then / "config.json").read_bytes() == SMALL["config.json"].replace(b"lfm2", b"lfm3")
    assert (now / "vocab.txt").exists()
    assert not (then / "vocab.txt").exists()


def test_a_path_that_leaves_its_folder_is_refused_before_anything_is_written(
    world: World, tmp_path: Path
) -> None:
    """A hostile listing writes nowhere."""
    hostile = replace(world.made_of, files=(RepoFile(path="../evil.json", size=1),))

    with pytest.raises(UnsuitableBase, match="leaves its folder"):
        small.base_files(world.door, hostile, (), tmp_path / "base")

    assert not (tmp_path / "base").exists()
