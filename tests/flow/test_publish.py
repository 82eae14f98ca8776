"""`bot publish`, from the outside: what a publisher types, and what then stands on the Hub."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, ModelCard, snapshot_download

from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from tests.card.parsed import tables
from tests.flow.conftest import ACCOUNT, BASE, Bot
from tests.review.llm import server as llm_server

TARGET = f"{ACCOUNT}/Tiny-Qwen3-qx64-hi-mlx"


def manifest_of(api: HfApi, repo: str) -> dict[str, Any]:
    path = api.hf_hub_download(repo, "qx_manifest.json")
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found


def edit_card(api: HfApi, old: str, new: str) -> None:
    """Somebody changes the published card on its page."""
    text = Path(api.hf_hub_download(TARGET, "README.md")).read_text()
    assert old in text
    api.upload_file(path_or_fileobj=text.replace(old, new).encode(), path_in_repo="README.md", repo_id=TARGET)


def test_a_base_becomes_a_public_measured_carded_linked_repo(
    bot: Bot, api: HfApi, reader: HfApi, tmp_path: Path
) -> None:
    """One command takes a base to a public repo whose card, manifest and collections are true."""
    (bot.watchlist.parent / "notes").mkdir()
    (bot.watchlist.parent / "notes" / "qx64-hi.md").write_text("My favourite: **small**.\n")

    result = bot.json("publish", BASE, "--recipe", "qx64-hi", "--recipe", "q8-hi", "--yes")

    assert [o["status"] for o in result["result"]["outcomes"]] == ["published", "published"]
    folder = Path(
        snapshot_download(TARGET, endpoint=reader.endpoint, token=False, local_dir=tmp_path / "copy")
    )
    manifest = json.loads((folder / "qx_manifest.json").read_text())
    assert manifest["base"] == BASE
    assert manifest["base_sha"] == reader.model_info(BASE).sha
    for file in manifest["files"]:
        data = (folder / file["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == file["sha256"], file["path"]
    listed = {s.rfilename for s in reader.model_info(TARGET).siblings or ()}
    assert listed - {".gitattributes", "qx_manifest.json"} == {f["path"] for f in manifest["files"]}

    card = ModelCard.load(folder / "README.md")
    assert card.data.base_model == BASE
    assert card.data.base_model_relation == "quantized"
    assert "mlx" in card.data.tags
    first_line = card.text.strip().splitlines()[0]
    assert "rehearsal" in first_line.lower()
    for score in manifest["measurement"]["tasks"]:
        assert f"{score['value']:.3f}" in card.text
    assert "Tiny-Qwen3-q8-hi-mlx" in card.text

    titles = {c.title for c in reader.list_collections(owner=ACCOUNT, item=f"models/{TARGET}")}
    assert titles == set(manifest["collections"]) != set()

    assert f"My favourite: **small**.\n\n*{ACCOUNT}*" in card.text
    facts = tmp_path / "facts.json"
    assert bot("card", "facts", TARGET, "--out", str(facts)).returncode == 0
    again = ModelCard(bot("card", "render", "--facts", str(facts)).stdout)
    assert again.data.to_dict() == card.data.to_dict()  # type: ignore[no-untyped-call]
    assert tables(again.text)[1:] == tables(card.text)[1:], "only the family has grown since"
    for picture in ("figures/family-light.png", "figures/profile-dark.png", "figures/bits-light.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
        assert picture in card.text


def test_anybody_can_repeat_the_paired_tests(bot: Bot, reader: HfApi, tmp_path: Path) -> None:
    """A quant's outcomes and its base's are in the repo, verified files like any; the card says paired."""
    bot.json("publish", BASE, "--recipe", "qx64-hi", "--yes")

    folder = Path(
        snapshot_download(TARGET, endpoint=reader.endpoint, token=False, local_dir=tmp_path / "copy")
    )
    files = {path.relative_to(folder).as_posix() for path in folder.glob("measurements/**/*.gz")}
    assert files == {
        f"measurements/{of}{task}.outcomes.gz" for of in ("", "base/") for task in ("boolq", "piqa")
    }
    assert files < {file["path"] for file in manifest_of(reader, TARGET)["files"]}
    assert "paired tests" in (folder / "README.md").read_text()
    checked = bot("check", str(folder), "--against", BASE)
    assert checked.returncode == 0, checked.stdout

    bot.forget()  # on another machine
    there, here = bot.json("compare", BASE, TARGET), bot.json("compare", str(folder))
    assert there["others"][0]["rows"] == here["others"][0]["rows"]
    (other,) = there["others"]
    assert (there["reference"], other["name"], other["unpaired"]) == (BASE, TARGET, 0)
    assert {row["task"] for row in other["rows"]} == {"boolq", "piqa"}


def test_asked_twice_it_publishes_once_also_without_its_memory(bot: Bot, reader: HfApi, api: HfApi) -> None:
    """The second request changes nothing on the Hub and says so, with BOT_HOME and without it.

    Also where somebody edited the card by hand: that makes no other quant.
    """
    bot.json("publish", BASE, "--yes")
    edit_card(api, "## Use it", "## How to use it")
    sha = reader.model_info(TARGET).sha

    for forget in (False, True):
        if forget:
            bot.forget()
        again = bot("publish", BASE, "--yes")
        assert again.returncode == 0, again.stderr
        assert "published already" in again.stdout
        assert reader.model_info(TARGET).sha == sha
        assert "fetch" not in bot.stages() or not forget


def test_a_dry_run_says_the_plan_and_does_nothing(bot: Bot, api: HfApi) -> None:
    """--dry-run stops after the plan: sizes and targets are told, no repo exists."""
    planned = bot.json("publish", BASE, "--recipe", "mxfp4", "--dry-run")["plan"]

    assert planned["quants"][0]["repo"] == f"{ACCOUNT}/Tiny-Qwen3-mxfp4-mlx"
    assert planned["quants"][0]["predicted_bytes"] > 100_000
    assert list(api.list_models(author=ACCOUNT)) == []


def test_without_a_yes_nothing_is_made(bot: Bot, api: HfApi) -> None:
    """A plan that nobody agreed to is shown, not carried out."""
    done = bot("publish", BASE)

    assert done.returncode == 5
    assert "--yes" in done.stderr
    assert list(api.list_models(author=ACCOUNT)) == []


def test_a_repo_the_bot_did_not_make_is_never_touched(bot: Bot, store: Store, reader: HfApi) -> None:
    """A foreign repo under the target's name stops the publish before anything is made."""
    store.create_repo("model", TARGET)
    sha = store.commit("model", TARGET, {"README.md": b"# mine\n", "model.safetensors": b"old"})

    done = bot("publish", BASE, "--yes")

    assert done.returncode == 5
    assert TARGET in done.stderr
    assert "not made by this bot" in done.stderr
    assert reader.model_info(TARGET).sha == sha
    assert bot.stages() == []


def test_kept_private_then_released_then_taken_back(bot: Bot, api: HfApi, reader: HfApi) -> None:
    """--keep-private stops after verification, release makes it public and linked, unpublish undoes both."""
    kept = bot.json("publish", BASE, "--yes", "--keep-private")
    assert kept["result"]["outcomes"][0]["status"] == "private"
    assert not reader.repo_exists(TARGET)
    assert api.model_info(TARGET).private
    made = bot.stages()
    again = bot("publish", BASE, "--yes", "--keep-private")
    assert "waits for `bot release`" in again.stdout
    assert bot.stages() == made

    released = bot.json("release", TARGET)
    assert released["public"]
    assert released["verified"] > 5
    assert not reader.model_info(TARGET).private
    assert list(reader.list_collections(owner=ACCOUNT, item=f"models/{TARGET}"))

    taken_back = bot.json("unpublish", TARGET)
    assert taken_back["removed_from"]
    assert not reader.repo_exists(TARGET)
    assert not list(api.list_collections(owner=ACCOUNT, item=f"models/{TARGET}"))


def test_staging_on_a_branch_leaves_main_empty_until_it_is_verified(bot: Bot, reader: HfApi) -> None:
    """With staging: branch the files reach main in one commit of copies, and the branch is gone."""
    bot.json("publish", BASE, "--yes", "--staging", "branch")

    refs = reader.list_repo_refs(TARGET)
    assert [branch.name for branch in refs.branches] == ["main"]
    commits = reader.list_repo_commits(TARGET)
    assert len(commits) == 2, "the repo's first commit, and the one that made everything public"
    manifest = manifest_of(reader, TARGET)
    assert {f["path"] for f in manifest["files"]} <= set(reader.list_repo_files(TARGET))


def test_a_changed_base_updates_the_public_repo_through_a_branch(
    bot: Bot, store: Store, reader: HfApi, api: HfApi
) -> None:
    """A public repo is never written to directly: the new revision arrives on main in one verified commit.

    What somebody wrote into the card by hand stays in the new card.
    """
    bot.json("publish", BASE, "--yes")
    edit_card(api, "## Use it", "Somebody's words, by hand.\n\n## Use it")
    before = [c.commit_id for c in reader.list_repo_commits(TARGET)]
    config = json.loads(Path(reader.hf_hub_download(BASE, "generation_config.json")).read_text())
    changed = json.dumps(config | {"temperature": 0.5}).encode()
    sha = store.commit("model", BASE, {"generation_config.json": changed})

    result = bot.json("publish", BASE, "--yes")

    assert result["plan"]["quants"][0]["action"] == "update"
    assert manifest_of(reader, TARGET)["base_sha"] == sha
    after = [c.commit_id for c in reader.list_repo_commits(TARGET)]
    assert len(after) == len(before) + 1
    assert after[1:] == before
    assert [branch.name for branch in reader.list_repo_refs(TARGET).branches] == ["main"]
    card = Path(reader.hf_hub_download(TARGET, "README.md")).read_text()
    assert f"made from revision {sha[:12]} of the base" in card
    assert "\nSomebody's words, by hand.\n" in card
    assert any("wrote by hand" in event["progress"]["what"] for event in bot.events())
    assert "Fetch again: `generation_config.json`" in card


@pytest.mark.parametrize("revision", ["main", "sha"])
def test_exactly_the_asked_revision_is_published(
    bot: Bot, store: Store, reader: HfApi, revision: str
) -> None:
    """--revision pins the base: side files come from that commit too, not from the default branch."""
    old = reader.model_info(BASE).sha
    store.commit("model", BASE, {"LICENSE": b"a later license text\n"})

    asked = old if revision == "sha" else "main"
    bot.json("publish", BASE, "--revision", str(asked), "--yes")

    published = Path(reader.hf_hub_download(TARGET, "LICENSE")).read_bytes()
    assert (published == b"a later license text\n") == (revision == "main")


def test_what_waits_on_a_staging_branch_is_released_in_one_commit(bot: Bot, reader: HfApi) -> None:
    """--keep-private with staging: branch leaves main empty; release copies the verified branch to it."""
    kept = bot.json("publish", BASE, "--yes", "--keep-private", "--staging", "branch")
    assert kept["result"]["outcomes"][0]["status"] == "private"
    assert set(reader.list_repo_files(TARGET)) <= {".gitattributes"}

    released = bot.json("release", TARGET)

    assert released["public"]
    assert "model.safetensors" in reader.list_repo_files(TARGET)
    assert [branch.name for branch in reader.list_repo_refs(TARGET).branches] == ["main"]


def test_a_card_compares_with_whom_the_watchlist_names(bot: Bot, reader: HfApi) -> None:
    """compare_with brings another account's measured quant into the tables, and names who is missing.

    A language model, where one is named, writes a review: numbers from the facts, its lies taken out.
    """
    rival = "rival/Tiny-Qwen3-q8-hi-mlx"
    own = bot.watchlist.read_text()
    bot.watchlist.write_text(own.replace(f"account: {ACCOUNT}", "account: rival"))
    assert bot("publish", BASE, "--recipe", "q8-hi", "--yes", HF_TOKEN="hf_rival").returncode == 0
    compared = f"{own}compare_with: [siblings, {rival}, nobody/Nothing]\n"
    review = (
        'On BoolQ it scores {{ score("this", "boolq") }}. Its files take {{ size("this") }}. '
        "It is ten times larger than its base. Take it where memory is short."
    )
    with llm_server.running() as llm:
        url = llm.will(llm_server.streams(review))
        asked = f"review: {{endpoint: '{url}', model: a-reviewer, attempts: 1}}"
        bot.watchlist.write_text(f"{compared}{asked}\n")
        bot.json("publish", BASE, "--yes")

    card = Path(reader.hf_hub_download(TARGET, "README.md")).read_text()
    scores = next(line for line in card.splitlines() if line.startswith("| Task |"))
    assert rival in scores.replace("&#45;", "-")
    assert "nobody/Nothing is not in the tables" in card
    assert "paired tests" in card, "the rival's outcomes stand in its repo"
    (boolq,) = [s for s in manifest_of(reader, TARGET)["measurement"]["tasks"] if s["task"] == "boolq"]
    assert f"On BoolQ it scores {boolq['value']:.3f}. Its files take" in card
    assert "Take it where memory is short." in card
    assert "times larger" not in card
    assert "Reviewed with a-reviewer" in card


def test_on_an_open_hub_any_token_publishes_for_any_account(seeded: Path, tmp_path: Path) -> None:
    """--open means what it says to the bot too: the plan is not refused for the token's name."""
    shutil.copytree(seeded, tmp_path / "open")
    with LoopbackHub.start(tmp_path / "open", open_=True) as hub:
        bot = Bot(tmp_path, hub.endpoint)
        planned = bot.json("publish", BASE, "--account", "somebody", "--dry-run")

    assert planned["plan"]["quants"][0]["repo"].startswith("somebody/")
