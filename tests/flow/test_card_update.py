"""`bot card update`, from the outside: templates in git, cards on a Hub, and people who edit them there."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import git
import pytest
from huggingface_hub import HfApi
from msgspec.structs import replace

from bot.card.facts import Facts
from bot.card.figures.draw import figures
from bot.card.render import render
from bot.cli import card_update_tables
from bot.hub.process import LoopbackHub
from bot.huggingface import HubDoor
from bot.publish import card_facts, ledger, manifest, repo, update_cards
from bot.publish.card_decision import CardUpdate
from bot.publish.card_origin import RENDERED
from bot.publish.files import differences
from bot.records import Manifest
from bot.review.review import review
from bot.settings import Settings
from tests.card.examples import BASE, QX64_HI
from tests.card.examples import card_facts as example
from tests.flow.conftest import ACCOUNT, Bot, kill, wait_for

LINE = "The first line of the block."
OTHER_LINE = "Another line of the block, changed."
TEMPLATE = """\
# {{ facts.name }}

{% include "blocks/shown.md.j2" %}

{{ review.verdict }}

Some lines

that nobody

ever changes.

Template {{ facts.template | code }} at {{ facts.template_commit | code }}.
"""


class Templates:
    """An account's own templates, in a git repo of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blocks").mkdir(parents=True)
        self.git = git.Repo.init(folder)
        with self.git.config_writer() as config:
            config.set_value("user", "name", "Publisher").set_value("user", "email", "p@example.org")
        self.write("mine", TEMPLATE)
        self.write("plain", TEMPLATE.replace('{% include "blocks/shown.md.j2" %}', "No block here."))
        self.change(f"{LINE}\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.md.j2").write_text(text)

    def commit(self) -> str:
        self.git.git.add(all=True)
        self.git.git.commit(message="a change", allow_empty=True)
        return self.git.head.commit.hexsha

    def change(self, text: str = f"{OTHER_LINE}\n") -> str:
        """The block says something else, and that is committed."""
        self.write("blocks/shown", text)
        return self.commit()


class Published:
    """The account's cards on the Hub: put there, read back, edited by hand."""

    def __init__(self, door: HubDoor, folder: Path, templates: Templates) -> None:
        self.door, self.folder, self.templates = door, folder, templates

    def put(self, name: str = "Small", template: str = "mine") -> str:
        """A public quant with weights of a few bytes; its card as the bot writes it. Returns the repo."""
        target = f"{ACCOUNT}/{name}-qx64-hi-mlx"
        known = self._facts(target, template)
        folder = self.folder / name
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"weights of " + name.encode())
        card = render(known, review(known), self.templates.folder)
        (folder / "README.md").write_text(card.text, encoding="utf-8")
        card_facts.write(folder, known, QX64_HI, None)
        entry = Manifest(
            repo=target, base=f"somebody/{name}", base_sha=BASE.sha, recipe="qx64-hi", recipe_hash="c0ffee",
            template=card.template, template_commit=card.template_commit, measurement=QX64_HI,
        )  # fmt: skip
        manifest.write(folder, entry)
        place = repo.create(self.door, target, "private")
        repo.release(self.door, place, repo.upload(self.door, folder, place, "the quant"))
        return target

    def _facts(self, target: str, template: str) -> Facts:
        known = example(mine=QX64_HI, base_measurement=None, others=())
        name = target.split("/")[1]
        return replace(known, card=name, repo=target, template=template, endpoint=self.door.endpoint)

    def edit(self, target: str, old: str, new: str) -> str:
        """Somebody changes the card's words on its page. Returns the commit."""
        text = self.readme(target)
        assert old in text
        return self.upload(target, "README.md", text.replace(old, new))

    def upload(self, target: str, path: str, text: str) -> str:
        return self.door.api.upload_file(path_or_fileobj=text.encode(), path_in_repo=path, repo_id=target).oid

    def readme(self, target: str) -> str:
        return (self.door.read(target, "README.md") or b"").decode()

    def manifest(self, target: str) -> Manifest:
        found = ledger.look(self.door, target).manifest
        assert found is not None
        return found

    def commits(self, target: str) -> list[str]:
        return [commit.commit_id for commit in self.door.api.list_repo_commits(target)]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LoopbackHub]:
    """An empty Hub is enough here."""
    with LoopbackHub.start(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    return Templates(tmp_path / "templates")


@pytest.fixture
def bot(tmp_path: Path, hub: LoopbackHub, templates: Templates) -> Bot:
    found = Bot(tmp_path, hub.endpoint)
    found.environment["BOT_TEMPLATES"] = str(templates.folder)
    return found


@pytest.fixture
def published(tmp_path: Path, hub: LoopbackHub, templates: Templates) -> Published:
    door = HubDoor(Settings(home=tmp_path / "home", endpoint=hub.endpoint), token=f"hf_{ACCOUNT}")
    return Published(door, tmp_path / "quants", templates)


def test_a_committed_change_of_a_block_reaches_the_card_in_one_commit_beside_the_weights(
    bot: Bot, templates: Templates, published: Published
) -> None:
    """The text, its hash and its template's commit are new, the weights' entry is not; twice is once."""
    target = published.put()
    before, weights = published.commits(target), published.door.files(target, "main")
    commit = templates.change()

    done = bot("card", "update", "--yes")

    assert done.returncode == 0, done.stderr
    assert f"-{LINE}" in done.stdout
    assert f"+{OTHER_LINE}" in done.stdout
    assert "blocks/shown.md.j2" in done.stdout
    assert OTHER_LINE in published.readme(target)
    assert commit in published.readme(target)
    assert published.commits(target)[1:] == before
    entry = published.manifest(target)
    assert entry.template_commit == commit
    listed = published.door.files(target, "main")
    assert differences(entry.files, [file for file in listed if file.path != ledger.MANIFEST]) == []
    assert {file for file in weights if file.path.endswith(".safetensors")} <= set(listed)
    assert any(file.path.startswith("figures/") for file in listed)

    again = bot("card", "update", "--yes")
    assert again.returncode == 0
    assert "Every card is up to date" in again.stdout
    assert published.commits(target)[1:] == before


def test_nothing_is_written_without_a_yes(bot: Bot, templates: Templates, published: Published) -> None:
    """A dry run and an unanswered question show the diff and leave the Hub alone; the latter says so."""
    target = published.put()
    before = published.commits(target)
    templates.change()

    dry = bot("card", "update", "--dry-run")
    unanswered = bot("card", "update", target)

    assert (dry.returncode, unanswered.returncode) == (0, 5)
    assert f"+{OTHER_LINE}" in dry.stdout
    assert f"+{OTHER_LINE}" in unanswered.stdout
    assert "--yes" in unanswered.stderr
    assert published.commits(target) == before


def test_somebody_at_a_terminal_is_asked_once(bot: Bot, templates: Templates, published: Published) -> None:
    """The diff, then the question with how many cards it is about; a `y` writes."""
    target = published.put()
    templates.change()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "card", "update"],
        env=bot.environment, stdin=theirs, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.write(ours, b"y\n")

    shown, _ = process.communicate(timeout=240)

    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0
    assert shown.index(f"+{OTHER_LINE}") < shown.index("Write 1 card?")
    assert OTHER_LINE in published.readme(target)


def test_the_watchlist_may_say_yes_once_for_all(bot: Bot, templates: Templates, published: Published) -> None:
    """`cards: auto` writes without asking; a dry run stays one."""
    target = published.put()
    before = published.commits(target)
    bot.watchlist.write_text(bot.watchlist.read_text() + "cards: auto\n")
    templates.change()

    assert bot("card", "update", "--dry-run").returncode == 0
    assert published.commits(target) == before
    document = bot.json("card", "update")

    assert [(card["repo"], card["status"]) for card in document["cards"]] == [(target, "changed")]
    assert document["cards"][0]["commit"] == published.commits(target)[0]
    assert document["cards"][0]["blocks"] == ["blocks/shown.md.j2"]


def test_a_card_that_reads_the_same_gets_no_commit(
    bot: Bot, templates: Templates, published: Published, hub: LoopbackHub
) -> None:
    """Neither where only the commit is new, nor where the template lacks the block: that is not even read."""
    same, untouched = published.put("Same"), published.put("Untouched", "plain")
    before = {target: published.commits(target) for target in (same, untouched)}
    templates.change(f"{{# a note for the author -#}}\n{LINE}\n")
    hub.forget_requests()

    document = bot.json("card", "update", "--yes")

    assert {card["repo"]: card["status"] for card in document["cards"]} == dict.fromkeys(
        (same, untouched), "unchanged"
    )
    assert {target: published.commits(target) for target in before} == before
    facts_read = [entry.path for entry in hub.requests() if card_facts.FILE in entry.path]
    assert any(same in path for path in facts_read)
    assert not any(untouched in path for path in facts_read)


def test_templates_that_are_not_committed_are_shown_and_not_published(
    bot: Bot, templates: Templates, published: Published
) -> None:
    """What is published names a commit: --yes is refused, `cards: auto` waits, a dry run shows the diff."""
    target = published.put()
    before = published.commits(target)
    bot.watchlist.write_text(bot.watchlist.read_text() + "cards: auto\n")
    templates.write("blocks/shown", OTHER_LINE)

    refused, shown = bot("card", "update", "--yes"), bot("card", "update", "--dry-run")
    waiting = bot("card", "update")

    assert waiting.returncode == 5
    assert waiting.stderr.count("not committed") == 2

    assert refused.returncode == 3
    assert "not committed" in refused.stderr
    assert shown.returncode == 0
    assert "not committed" in shown.stderr
    assert f"+{OTHER_LINE}" in shown.stdout
    assert published.commits(target) == before


def test_what_somebody_wrote_into_a_card_by_hand_stays_in_it(
    bot: Bot, templates: Templates, published: Published
) -> None:
    """Merged by the text the bot wrote last, told as such, and so again after the next change."""
    target = published.put()
    published.edit(target, "that nobody", "that a person")
    templates.change()

    done = bot("card", "update", "--yes")

    assert done.returncode == 0, done.stderr
    assert "edited by hand" in done.stdout
    assert "+that a person" in done.stdout
    for line in ("that a person", OTHER_LINE):
        assert line in published.readme(target)
    assert "a person" not in (published.door.read(target, RENDERED) or b"").decode()

    templates.change("Third words.\n")
    document = bot.json("card", "update", "--yes")

    assert document["cards"][0]["status"] == "edited"
    for line in ("that a person", "Third words."):
        assert line in published.readme(target)
    assert "<<<<<<<" not in published.readme(target)


@pytest.mark.parametrize(
    ("take", "stands", "gone"), [("mine", "Another", "My own"), ("theirs", "My own", "Another")]
)
def test_a_conflict_is_left_until_a_person_says_whose_words_stand(
    bot: Bot, templates: Templates, published: Published, take: str, stands: str, gone: str
) -> None:
    """Both changes are shown and neither is written; --take settles that repo for good."""
    target = published.put()
    theirs = published.edit(target, LINE, "My own line.")
    templates.change()

    left = bot("card", "update", "--yes")

    assert left.returncode == 5
    for shown in ("+My own line.", f"+{OTHER_LINE}", "--take mine", "--take theirs"):
        assert shown in left.stdout
    assert published.commits(target)[0] == theirs

    settled = bot("card", "update", target, "--take", take, "--yes")

    assert settled.returncode == 0, settled.stderr
    text = published.readme(target)
    assert stands in text
    assert gone not in text
    assert published.commits(target)[1] == theirs
    again = bot.json("card", "update", "--yes")
    assert again["cards"][0]["commit"] == ""
    assert again["cards"][0]["status"] in ("unchanged", "edited")


def test_whoever_is_faster_keeps_what_he_wrote(templates: Templates, published: Published) -> None:
    """Between the look and the commit somebody edits the card: no commit, and the update says why."""
    target = published.put()
    templates.change()
    wanted = update_cards.Wanted(own=templates.folder)
    planned = list(update_cards.plans(published.door, [update_cards.one(published.door, target)], wanted))
    faster = published.edit(target, "that nobody", "that a person")

    done: list[CardUpdate] = [update_cards.write(published.door, each, figures, wanted) for each in planned]

    assert [(each.status, each.error_kind) for each in done] == [("failed", "NeedsPerson")]
    assert published.commits(target)[0] == faster


def test_a_card_never_names_a_commit_that_its_templates_are_not_at(
    templates: Templates, published: Published
) -> None:
    """Changed again between the look and the commit: nothing is written until that is committed."""
    target = published.put()
    before = published.commits(target)
    templates.change()
    wanted = update_cards.Wanted(own=templates.folder)
    planned = list(update_cards.plans(published.door, [update_cards.one(published.door, target)], wanted))
    templates.write("blocks/shown", "Not committed.")

    done = [update_cards.write(published.door, each, figures, wanted) for each in planned]

    assert [(each.status, each.error_kind) for each in done] == [("failed", "ConfigError")]
    assert published.commits(target) == before


def test_a_repo_that_the_bot_did_not_make_is_left_alone(
    bot: Bot, templates: Templates, published: Published, api: HfApi
) -> None:
    """It is not in the list, and by its name it is refused; with nothing else there, that is said."""
    api.create_repo(f"{ACCOUNT}/by-hand-qx64-hi-mlx")
    foreign = published.upload(f"{ACCOUNT}/by-hand-qx64-hi-mlx", "README.md", f"{LINE}\n")
    templates.change()

    every, named = bot("card", "update", "--yes"), bot("card", "update", f"{ACCOUNT}/by-hand-qx64-hi-mlx")

    assert every.returncode == 0, every.stderr
    assert "no published cards" in every.stdout
    assert named.returncode == 5
    assert "not made by this bot" in named.stderr
    assert published.commits(f"{ACCOUNT}/by-hand-qx64-hi-mlx")[0] == foreign


def test_a_card_that_fails_does_not_stop_the_others(
    bot: Bot, templates: Templates, published: Published
) -> None:
    """Its facts are destroyed, its base is gone: it is told by name, and the next one is written."""
    broken, fine = published.put("Broken"), published.put("Fine")
    published.upload(broken, card_facts.FILE, "no facts")
    templates.change()

    done = bot("card", "update", "--yes", "--json")

    assert done.returncode == 4
    assert broken in done.stderr
    cards = {card["repo"]: card for card in json.loads(done.stdout)["cards"]}
    assert (cards[broken]["status"], cards[fine]["status"]) == ("failed", "changed")
    assert OTHER_LINE in published.readme(fine)
    assert LINE in published.readme(broken)


def test_killed_half_way_it_goes_on_where_it_was(
    bot: Bot, templates: Templates, published: Published
) -> None:
    """After a power cut and another start every card is up to date, each by one commit."""
    targets = [published.put(name) for name in ("One", "Two", "Three")]
    before = {target: published.commits(target) for target in targets}
    templates.change()
    process = bot.start("card", "update", "--yes")
    wait_for(lambda: any(published.commits(t) != before[t] for t in targets), what="the first commit")
    kill(process)

    assert bot("card", "update", "--yes").returncode == 0

    assert {target: published.commits(target)[1:] for target in targets} == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--take", "mine"), "name its repo"),
        (("a/b", "--take", "ours"), "neither mine nor theirs"),
        (("nobody",), "owner/name"),
    ],
)
def test_a_command_line_that_means_nothing_is_refused(
    bot: Bot, arguments: tuple[str, ...], said: str
) -> None:
    """One sentence and exit code 2."""
    done = bot("card", "update", *arguments)

    assert done.returncode == 2
    assert said in done.stderr


def test_a_picture_that_somebody_exchanged_is_not_drawn_over(
    templates: Templates, published: Published
) -> None:
    """The others are drawn; this one stays, and the update names it."""
    target, picture = published.put(), "figures/profile-light.png"
    published.upload(target, picture, "a picture of their own")
    templates.change()
    wanted = update_cards.Wanted(own=templates.folder)
    (planned,) = update_cards.plans(published.door, [update_cards.one(published.door, target)], wanted)

    done = update_cards.write(published.door, planned, figures, wanted)

    assert done.commit
    assert done.kept == (picture,)
    assert published.door.read(target, picture) == b"a picture of their own"
    assert (published.door.read(target, "figures/profile-dark.png") or b"").startswith(b"\x89PNG")


def test_what_is_not_public_yet_is_left_to_its_release(
    bot: Bot, templates: Templates, published: Published
) -> None:
    """Not in the list, and by its name it is refused with the way out."""
    target = published.put()
    repo.make_private(published.door, target)
    before = published.commits(target)
    templates.change()

    assert update_cards.published(published.door, ACCOUNT) == []
    named = bot("card", "update", target, "--yes")

    assert named.returncode == 2
    assert f"bot release {target}" in named.stderr
    assert published.commits(target) == before


def test_what_a_hand_wrote_is_shown_and_not_obeyed(templates: Templates, published: Published) -> None:
    """A diff holds no command for the terminal, whatever stands in the card."""
    target = published.put()
    published.edit(target, "that nobody", "\x1b[2Jthat a person")
    templates.change()
    wanted = update_cards.Wanted(own=templates.folder)
    (planned,) = update_cards.plans(published.door, [update_cards.one(published.door, target)], wanted)

    shown = "".join(str(part) for part in card_update_tables.changes(planned.update))

    assert "that a person" in shown
    assert "\x1b" not in shown
