"""A published quant beside an adopted one, and its recall: the real commands on a real Hub, start to end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.adopt.banner import banners
from bot.adopt.recall import Recall, affected
from bot.card.figures.draw import figures
from bot.cli.recall import recall
from bot.errors import BotError, ConfigError, NeedsPerson, UsageError
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.journal.database import journal
from bot.journal.timeline import since
from bot.plan.decide import action_for
from bot.publish import ledger, released, repo, update_cards
from bot.publish.card_decision import CardUpdate
from bot.publish.manifest import encoded
from bot.publish.update_cards import Wanted
from bot.records import Evidence, Manifest, Measurement
from bot.settings import Settings
from tests.adopt.conftest import CARD, config
from tests.flow.conftest import ACCOUNT, BASE, WATCHLIST, Bot
from tests.flow.test_card_update import Templates

OLD = "0.31.0"
MINE = f"{ACCOUNT}/Tiny-Qwen3-qx64-hi-mlx"
OTHER = f"{ACCOUNT}/Tiny-Qwen3-q8-mlx"
ADOPTED = f"{ACCOUNT}/Tiny-Qwen3-q6-hi-mlx"


class World:
    """A Hub with a base, an adopted quant of it and two of the bot's; one of them made with an old mlx."""

    def __init__(self, folder: Path, hub: LoopbackHub) -> None:
        self.bot = Bot(folder, hub.endpoint)
        self.bot.watchlist.write_text(WATCHLIST.replace("tasks: [boolq, piqa]", "tasks: []"))
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

    def put_other(self) -> None:
        """A quant that the bot made with today's mlx."""
        fresh = Evidence(versions={"mlx": "0.32.4"}, device="", made_at="2026-11-01T00:00:00+00:00")
        entry = Manifest(
            repo=OTHER, base=BASE, base_sha="0" * 40, recipe="q8", recipe_hash="c0ffee", evidence=fresh
        )
        self.door.api.create_repo(OTHER)
        self.door.api.upload_file(path_or_fileobj=encoded(entry), path_in_repo=ledger.MANIFEST, repo_id=OTHER)

    def banner_again(self) -> CardUpdate:
        """The same recall once more, said to the library."""
        asked = Recall(tools={"mlx": "<0.32"}, because="its sums were wrong")
        found = affected([ledger.look(self.door, MINE)], asked)
        own = Path(self.bot.environment["BOT_TEMPLATES"])
        with journal(Settings(home=self.bot.home, endpoint=self.bot.endpoint)) as opened:
            (done,) = banners(self.door, opened, found, figures, own=own)
            assert [event.subject for event in since(opened, kinds=("recalled",))] == [MINE]
        return done

    def updated(self, repo: str) -> CardUpdate:
        """What `bot card update --all` would make of the card."""
        wanted = Wanted(own=Path(self.bot.environment["BOT_TEMPLATES"]), everything=True)
        (planned,) = update_cards.plans(self.door, [ledger.look(self.door, repo)], wanted)
        return planned.update

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
        made = found.bot("publish", BASE, "--yes")
        assert made.returncode == 0, made.stderr
        found.make_old(MINE)
        found.put_other()
        yield found


def test_a_card_shows_an_adopted_sibling_and_none_of_its_numbers(world: World) -> None:
    """A row with its size and a link, not measured; its own card's scores stand nowhere."""
    card = world.readme(MINE)
    (row,) = (line for line in card.splitlines() if line.startswith("|") and ADOPTED in line)
    assert "[q6-hi]" in row
    assert "2.9\u00a0MiB" in row
    assert row.count("not\u00a0measured") == 3
    assert "0.453" not in card


def test_an_adopted_repo_is_never_written_to(world: World) -> None:
    """A plan leaves its name alone, the way onto the Hub is shut, and no update of cards looks at it."""
    before = world.head(ADOPTED)
    there = ledger.look(world.door, ADOPTED)
    assert action_for(there, "0" * 40, "c0ffee", keep_private=False)[0] == "foreign"
    for touches in (
        lambda: repo.create(world.door, ADOPTED, "private"),
        lambda: update_cards.one(world.door, ADOPTED),
        lambda: released.unpublish(world.door, ADOPTED),
    ):
        with pytest.raises(NeedsPerson, match="was not made by this bot"):
            touches()
    assert ADOPTED not in {each.repo for each in update_cards.published(world.door, ACCOUNT)}
    assert world.head(ADOPTED) == before


def test_a_recall_is_shown_then_written_on_the_card_then_ended_by_a_new_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by manifest; a banner on that card alone, once; a new quant's card comes without it."""
    heads = {name: world.head(name) for name in (MINE, OTHER, ADOPTED)}

    shown = world.recall()
    assert [each["repo"] for each in shown["affected"]] == [MINE]
    assert f"mlx {OLD}" in shown["affected"][0]["why"]
    assert (shown["dry_run"], world.head(MINE)) == (True, heads[MINE])

    done = world.recall("--yes", "--because", "its sums were wrong")
    card = world.readme(MINE)
    assert done["affected"][0]["commit"] == world.head(MINE) != heads[MINE]
    assert card.index("> **Recalled on 20") < card.index(f"# {MINE.split('/')[1]}")
    assert f"It was measured with mlx {OLD}, and mlx " in card
    assert "is recalled; its sums were wrong. Do not rely on the numbers of this card." in card
    assert ": recalled: it was measured" in card, "in the block of updates as well"

    marked = world.head(MINE)
    for name in ("BOT_HOME", "HF_ENDPOINT"):
        monkeypatch.setenv(name, world.bot.environment[name])
    assert world.banner_again().status == "unchanged"
    assert world.head(MINE) == marked
    assert world.updated(MINE).status == "unchanged", "the banner outlives an update of all cards"

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
    assert world.head(OTHER) == heads[OTHER]
    assert affected(update_cards.published(world.door, ACCOUNT), Recall(tools={"mlx": "<0.32"})) == ()


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({}, UsageError, "say what is recalled"),
        ({"mlx": "below 1"}, ConfigError, "no range of versions"),
        ({"before": "yesterday"}, UsageError, "no date"),
        ({"tool": ["mlx"]}, UsageError, "names no versions"),
        ({"repo": ["mlx"]}, UsageError, "owner/name"),
        ({"mlx": "<99", "remeasure": True, "yes": True}, UsageError, "which is recalled as well"),
        ({"mlx": "<99", "remeasure": True, "rebuild": True}, UsageError, "say one of"),
    ],
)
def test_a_recall_that_makes_no_sense_is_refused(
    options: dict[str, Any], kind: type[BotError], words: str
) -> None:
    """In one sentence, before anything is looked at."""
    with pytest.raises(kind, match=words):
        recall(**options)
