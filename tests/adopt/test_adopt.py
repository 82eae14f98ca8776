"""`bot adopt`: hundreds of old repos become known, none is changed, and none is read twice for nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.adopt.account import Account, refresh
from bot.adopt.read import CONFIG_BYTES, README_BYTES, Reader
from bot.hub.faults import Fault
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.journal import published
from bot.journal.database import Journal, journal
from bot.settings import Settings
from tests.adopt.conftest import ACCOUNT, BASE, FEW, config, quant


@pytest.fixture(scope="module")
def whole(hub: LoopbackHub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the command says of the whole account, and what it asked the Hub for."""
    home = tmp_path_factory.mktemp("whole")
    hub.forget_requests()
    first = adopt(hub, home)
    asked = len(hub.requests())
    hub.forget_requests()
    return {**first, "asked": asked, "again": adopt(hub, home), "asked_again": len(hub.requests())}


def adopt(hub: LoopbackHub, home: Path) -> Any:
    environment = {
        **os.environ,
        "BOT_HOME": str(home),
        "HF_ENDPOINT": hub.endpoint,
        "HF_TOKEN": f"hf_{ACCOUNT}",
    }
    environment.pop("HF_HOME", None)
    done = subprocess.run(
        [sys.executable, "-m", "bot", "adopt", ACCOUNT, "--json"],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def found(whole: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in whole["adopted"] if each["repo"] == f"{ACCOUNT}/{name}")


def test_an_account_of_sixty_repos_is_read_once(whole: dict[str, Any]) -> None:
    """One listing and at most three requests a repo; the second time nothing but the listing."""
    assert (len(whole["adopted"]), len(whole["made"]), len(whole["foreign"])) == (57, 0, 3)
    assert whole["failed"] == {}
    assert whole["requests"] == whole["asked"] <= 1 + 3 * 60
    assert (whole["asked_again"], whole["again"]["requests"], whole["again"]["read"]) == (1, 1, [])
    assert whole["again"]["adopted"] == whole["adopted"]


@pytest.mark.parametrize(
    ("name", "base", "base_from", "recipe", "confidence"),
    [
        ("Base3-4B-qx86-hi-mlx", "somebody/Base3-4B", "metadata", "qx86-hi", "certain"),
        ("Base3-4B-mxfp4-mlx", "somebody/Base3-4B", "metadata", "mxfp4", "certain"),
        ("Base3-4B-bf16-mlx", "somebody/Base3-4B", "metadata", "bf16", "certain"),
        ("Small-8B-qx64-hi-mlx", BASE, "metadata", "qx64-hi", "certain"),
        ("Small-8B-q8-hi-mlx", BASE, "metadata", "q8-hi", "contradicted"),
        ("Small-8B-4bit", BASE, "metadata", "q4", "certain"),
        ("Small-8B-dwq-4bit-mlx", BASE, "metadata", "dwq-4bit", "likely"),
        ("Small-8B-mlx", BASE, "metadata", "q5", "likely"),
        ("Small-8B-q6-mlx", BASE, "sibling", "q6", "certain"),
        ("Orphan-3B-q6-mlx", "", "name", "q6", "certain"),
        ("Broken-q4-mlx", "", "name", "q4", "likely"),
        ("Deep-q4-mlx", "", "name", "q4", "likely"),
        ("Huge-q4-mlx", "", "name", "q4", "likely"),
        ("Loop-q4-mlx", "", "name", "q4", "contradicted"),
        ("Evil-q4-mlx", "", "name", "q4", "contradicted"),
        ("Many-q4-mlx", "y/Many", "metadata", "q4", "contradicted"),
        ("Copied-q4-mlx", "", "name", "q4", "contradicted"),
    ],
)
def test_each_repo_says_what_it_is_and_how_sure_that_is(
    whole: dict[str, Any], name: str, base: str, base_from: str, recipe: str, confidence: str
) -> None:
    """Metadata before names; a name and a config that disagree are told, and never settled in silence."""
    each = found(whole, name)
    assert (each["base"], each["base_from"]) == (base, base_from)
    assert (each["recipe"]["name"], each["recipe"]["confidence"]) == (recipe, confidence)
    if confidence == "contradicted":
        assert any(f"its name says {recipe}, its config.json " in note for note in each["notes"])


def test_numbers_of_an_old_card_are_kept_as_reported_with_their_line(whole: dict[str, Any]) -> None:
    """Whose number, which task, where it stands; the base's beside the quant's own, and none as measured."""
    numbers = found(whole, "Base3-4B-qx86-hi-mlx")["reported"]
    own = {each["what"]: (each["value"], each["line"]) for each in numbers if each["own"]}
    assert own == {
        "arc_challenge": (0.453, 13), "boolq": (0.825, 13), "piqa": (0.716, 13), "perplexity": (12.869, 16)
    }  # fmt: skip
    assert {(each["model"], each["value"]) for each in numbers if not each["own"]} == {
        ("bf16", 0.464), ("bf16", 0.826), ("bf16", 0.717)
    }  # fmt: skip


def test_hostile_cards_and_configs_are_told_and_bounded(whole: dict[str, Any]) -> None:
    """What makes no sense is a note; of a card of two megabytes the beginning is read."""
    notes = {each["repo"].split("/")[1]: " ".join(each["notes"]) for each in whole["adopted"]}
    assert "config.json cannot be read" in notes["Broken-q4-mlx"]
    assert "config.json cannot be read" in notes["Deep-q4-mlx"]
    assert "is no repo" in notes["Evil-q4-mlx"]
    assert "is no repo" in notes["Loop-q4-mlx"]
    assert "counts as not made here" in notes["Copied-q4-mlx"]
    assert f"the first {README_BYTES} were read" in notes["Long-q4-mlx"]
    assert notes["Base3-4B-qx86-hi-mlx"] == ""
    assert CONFIG_BYTES > 300_000, "the deep config is read whole, and found too deep"


def test_the_hashes_of_weights_are_in_the_ledger(whole: dict[str, Any]) -> None:
    """By them a later look tells whether somebody changed the weights."""
    files = {file["path"]: file for file in found(whole, "Small-8B-4bit")["files"]}
    assert len(files["model.safetensors"]["sha256"]) == 64
    assert found(whole, "Small-8B-secret-q6-mlx")["private"] is True


def test_a_dry_run_keeps_nothing(reader: Reader, ledger: Journal) -> None:
    """It shows the same, and the next run reads everything."""
    dry = refresh(reader, ledger, ACCOUNT, adopting=True, write=False)
    assert published.of_account(ledger, ACCOUNT) == {}
    done = refresh(reader, ledger, ACCOUNT, adopting=True)
    assert (dry.entries, len(dry.read)) == (done.entries, len(FEW) + 1)
    assert dry.read == done.read


def read_by(done: Account) -> set[str]:
    return {repo.split("/")[1] for repo in done.read}


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    """A new commit, a new repo, one that is gone: the first two are read, the third is told and forgotten."""
    store = Store(tmp_path / "hub")
    for name in ("Later-q4-mlx", "Gone-q4-mlx", "Same-q4-mlx"):
        quant(store, name, "q4", config(4))
    with LoopbackHub.start(store.root) as hub:
        known = Settings(home=tmp_path, endpoint=hub.endpoint)
        with journal(known) as ledger:
            refresh(Reader(HubDoor(known)), ledger, ACCOUNT, adopting=True)
            quant(store, "Later-q4-mlx", "q4", config(4, 32))
            quant(store, "New-q4-mlx", "q4", config(4))
            store.delete_repo("model", f"{ACCOUNT}/Gone-q4-mlx")

            done = refresh(Reader(HubDoor(known)), ledger, ACCOUNT)
            kept = published.of_account(ledger, ACCOUNT)

    assert read_by(done) == {"Later-q4-mlx", "New-q4-mlx"}
    assert [each.repo for each in done.gone] == [f"{ACCOUNT}/Gone-q4-mlx"]
    assert {repo.split("/")[1]: row.origin for repo, row in kept.items()} == dict.fromkeys(
        ("Later-q4-mlx", "Same-q4-mlx", "New-q4-mlx"), "adopted"
    )


def test_what_could_not_be_read_is_told_and_read_next_time(
    few: LoopbackHub, reader: Reader, ledger: Journal
) -> None:
    """One repo that the Hub refuses is told; the others are kept, and it alone is read again."""
    few.arm(Fault(kind="error", path="models/veteran/Small-8B-mlx", status=403, times=9))
    first = refresh(reader, ledger, ACCOUNT, adopting=True)
    few.disarm()
    assert list(first.failed) == [f"{ACCOUNT}/Small-8B-mlx"]
    assert f"{ACCOUNT}/Small-8B-mlx" not in published.of_account(ledger, ACCOUNT)
    assert read_by(refresh(reader, ledger, ACCOUNT, adopting=True)) == {"Small-8B-mlx"}


def test_nothing_is_adopted_without_a_word(reader: Reader, ledger: Journal) -> None:
    """A look at the account alone leaves them foreign; `bot adopt` then reads none of them again."""
    looked = refresh(reader, ledger, ACCOUNT)
    assert (len(looked.of("adopted")), len(looked.of("foreign"))) == (0, len(FEW) + 1)
    adopted = refresh(reader, ledger, ACCOUNT, adopting=True)
    assert adopted.read == ()
    assert len(adopted.of("adopted")) == len(FEW)
    kept = published.of_base(ledger, ACCOUNT, BASE.upper())
    assert [row.origin for row in kept] == ["adopted"] * len(FEW)
