"""A published quant beside an adopted one, and its recall: the real commands on a real Hub, start to end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.publish import ledger
from bot.publish.manifest import encoded
from bot.records import Manifest, Measurement
from bot.settings import Settings
from tests.adopt.conftest import CARD, config
from tests.flow.conftest import ACCOUNT, BASE, Bot
from tests.flow.test_card_update import Templates

OLD = "0.31.0"
MINE = f"{ACCOUNT}/Tiny-Qwen3-qx64-hi-mlx"
OTHER = f"{ACCOUNT}/Tiny-Qwen3-q8-mlx"
ADOPTED = f"{ACCOUNT}/Tiny-Qwen3-q6-hi-mlx"


class World:
    """A Hub with a base, an adopted quant of it and two of the bot's; one of them made with an old mlx."""

    def __init__(self, folder: Path, hub: LoopbackHub) -> None:
        self.bot = Bot(folder, hub.endpoint)
        self.bot.environment["BOT_TEMPLATES"] = str(Templates(folder / "templates").folder)
        self.door = HubDoor(Settings(home=folder / "home", endpoint=hub.endpoint), token=f"hf_{ACCOUNT}")

    def readme(self, repo: str) -> str:
        return (self.door.read(repo, "README.md") or b"").decode()

    def manifest(self, repo: str) -> Manifest:
        found = ledger.look(self.door, repo).manifest
        assert found is not None
        return found

    def head(self, repo: str) -> str:
        return self.door.info(repo).sha or ""

    def recall(self, *options: str) -> Any:
        return self.bot.json("recall", "--mlx", "<0.32", *options)

    def make_old(self, repo: str) -> None:
        """As if it had been made and measured a while ago."""

        def older(found: Measurement | None) -> Measurement | None:
            return replace(found, versions={**found.versions, "mlx": OLD}) if found else None

        found = self.manifest(repo)
        assert found.evidence is not None
        old = replace(
            found,
            measurement=older(found.measurement),
            base_measurement=older(found.base_measurement),
            evidence=replace(found.evidence, versions={**found.evidence.versions, "mlx": OLD}),
        )
        self.door.api.upload_file(path_or_fileobj=encoded(old), path_in_repo=ledger.MANIFEST, repo_id=repo)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, seeded: Path) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    shutil.copytree(seeded, folder / "hub")
    store = Store(folder / "hub")
    store.create_repo("model", ADOPTED)
    card = CARD.format(base=BASE, name="Tiny-Qwen3-q6-hi-mlx", recipe="q6-hi")
    files = {"model.safetensors": b"w" * 3_000_000, "config.json": config(6, 32), "README.md": card.encode()}
    store.commit("model", ADOPTED, files)
    with LoopbackHub.start(folder / "hub") as hub:
        found = World(folder, hub)
        assert [each["repo"] for each in found.bot.json("adopt", ACCOUNT)["adopted"]] == [ADOPTED]
        made = found.bot("publish", BASE, "--yes", "--recipe", "qx64-hi", "--recipe", "q8")
        assert made.returncode == 0, made.stderr
        found.make_old(MINE)
        yield found


def test_a_card_shows_an_adopted_sibling_and_none_of_its_numbers(world: World) -> None:
    """A row with its size and a link, not measured; its own card's scores stand nowhere."""
    card = world.readme(MINE)
    (row,) = (line for line in card.splitlines() if line.startswith("|") and ADOPTED in line)
    assert "[q6-hi]" in row
    assert "2.9 MiB" in row
    assert "not measured" in row
    assert "0.453" not in card


def test_an_adopted_repo_is_never_written_to(world: World) -> None:
    """Neither `bot publish` of its name nor `bot card update` touches it; both say whose it is."""
    before = world.head(ADOPTED)
    made = world.bot("publish", BASE, "--yes", "--recipe", "q6-hi")
    updated = world.bot("card", "update", ADOPTED, "--yes")
    assert (made.returncode, updated.returncode) == (5, 5)
    assert "was not made by this bot" in made.stderr
    assert "was not made by this bot" in updated.stderr
    assert world.head(ADOPTED) == before


def test_a_recall_is_shown_then_written_on_the_card_then_ended_by_a_new_one(world: World) -> None:
    """Found by manifest; a banner on that card alone, once; a new quant's card comes without it."""
    heads = {repo: world.head(repo) for repo in (MINE, OTHER, ADOPTED)}

    shown = world.recall()
    assert [each["repo"] for each in shown["affected"]] == [MINE]
    assert f"mlx {OLD}" in shown["affected"][0]["why"]
    assert (shown["dry_run"], world.head(MINE)) == (True, heads[MINE])

    done = world.recall("--yes", "--because", "its sums were wrong")
    card = world.readme(MINE)
    assert done["affected"][0]["commit"] == world.head(MINE) != heads[MINE]
    assert card.index("> **Recalled on 20") < card.index(f"# {MINE.split('/')[1]}")
    assert f"It was measured with mlx {OLD}, and mlx <0.32 is recalled; its sums were wrong." in card
    assert ": recalled: it was measured" in card, "in the block of updates as well"

    marked = world.head(MINE)
    assert world.recall("--yes", "--because", "its sums were wrong")["affected"][0]["commit"] == ""
    everything = world.bot("card", "update", "--all", "--yes")
    assert everything.returncode == 0, everything.stderr
    assert "> **Recalled on 20" in world.readme(MINE), "the banner outlives an update of the card"

    weights = {file.path: file.sha256 for file in world.manifest(MINE).files if "safetensors" in file.path}
    again = world.recall("--yes", "--remeasure")
    assert [o["status"] for result in again["results"] for o in result["outcomes"]] == ["published"]
    card, entry = world.readme(MINE), world.manifest(MINE)
    assert "Recalled on" not in card
    assert "which ends the recall of 20" in card
    assert entry.measurement is not None
    assert entry.measurement.versions["mlx"] != OLD
    assert {file.path: file.sha256 for file in entry.files if "safetensors" in file.path} == weights
    assert marked != world.head(MINE)
    assert world.head(ADOPTED) == heads[ADOPTED]
    assert "Recalled" not in world.readme(OTHER)
    assert world.recall("--yes")["affected"] == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ((), 2, "say what is recalled"),
        (("--mlx", "below 1"), 3, "no range of versions"),
        (("--before", "yesterday"), 2, "no date"),
        (("--tool", "mlx"), 2, "names no versions"),
        (("--mlx", "<99", "--remeasure", "--yes"), 2, "which is recalled as well"),
        (("--mlx", "<99", "--remeasure", "--rebuild"), 2, "say one of"),
    ],
)
def test_a_recall_that_makes_no_sense_is_refused(
    world: World, options: tuple[str, ...], code: int, words: str
) -> None:
    """In one sentence, before anything is looked at."""
    done = world.bot("recall", *options)
    assert done.returncode == code
    assert words in done.stderr
