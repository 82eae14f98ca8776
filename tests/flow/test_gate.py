"""The gate, from the outside: what it stops stays private, says why, and waits for a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from bot.hub.process import LoopbackHub
from tests.flow.conftest import ACCOUNT, BASE, Bot, kill, wait_for
from tests.flow.test_publish import TARGET, manifest_of

TIGHT = "gate: {perplexity: {6bit: 0.5, 4bit: 0.5}}\n"
"""No quant has half its base's perplexity."""
REASON = "times the base's, over the 0.5 that a quant of"


def card_of(api: HfApi, revision: str | None = None) -> str:
    return Path(api.hf_hub_download(TARGET, "README.md", revision=revision)).read_text()


def assert_repeatable(manifest: dict[str, Any]) -> None:
    """Everything that makes the numbers repeatable stands in the manifest."""
    files = {file["path"] for file in manifest["files"]}
    for measured in (manifest["measurement"], manifest["base_measurement"]):
        for key in (
            "settings",
            "versions",
            "dataset_revisions",
            "chat_template_sha256",
            "computation",
            "device",
        ):
            assert measured[key], key
        for score in measured["tasks"]:
            assert score["outcomes"] in files
            assert score["task_hash"]
            assert score["chat_template"] is True
    assert manifest["measurement"]["divergence"]["tokens"] > 0
    assert {"qx-bot", "python", "mlx", "mlx-lm", "lm-eval"} <= manifest["evidence"]["versions"].keys()
    assert manifest["rules"]["rules"]
    assert manifest["gate"]["passed"]


def test_what_the_gate_stops_stays_private_until_a_person_approves_it(
    bot: Bot, api: HfApi, reader: HfApi
) -> None:
    """Killed, restarted, asked again, on another machine: private, with the reason; one line releases it."""
    bot.watchlist.write_text(bot.watchlist.read_text() + TIGHT)
    reached = bot.next_time("gate")
    process = bot.start("publish", BASE, "--yes")
    wait_for(reached, 180, "the gate")
    kill(process)

    stopped = bot("publish", BASE, "--yes", "--json")

    assert stopped.returncode == 10, stopped.stderr
    assert REASON in stopped.stderr
    assert f"bot approve {TARGET}" in stopped.stderr
    outcome = json.loads(stopped.stdout)["result"]["outcomes"][0]
    assert (outcome["status"], outcome["published"]["public"]) == ("stopped", False)
    assert not reader.repo_exists(TARGET)
    assert "Stopped by the gate." in card_of(api)
    status = bot("status")
    assert REASON in status.stdout.replace("\n", " ")
    assert f"bot approve {TARGET}" in status.stdout

    sha = api.model_info(TARGET).sha
    stages = bot.stages()
    for forget in (False, True):
        if forget:
            bot.forget()
        again = bot("publish", BASE, "--yes")
        assert again.returncode == 10
        assert f"bot approve {TARGET}" in again.stdout
        assert bot.stages() == ([] if forget else stages)
    refused = bot("release", TARGET)
    assert refused.returncode == 5
    assert f"bot approve {TARGET}" in refused.stderr
    shown = bot("approve", TARGET, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert REASON in shown.stdout
    assert api.model_info(TARGET).sha == sha
    assert not reader.repo_exists(TARGET)

    approved = bot.json("approve", TARGET)

    assert approved["public"]
    manifest = manifest_of(reader, TARGET)
    assert manifest["approval"]["by"] == ACCOUNT
    assert (
        manifest["approval"]["reasons"]
        == manifest["gate"]["reasons"]
        == outcome["published"]["gate"]["reasons"]
    )
    assert list(reader.list_collections(owner=ACCOUNT, item=f"models/{TARGET}"))
    assert bot("publish", BASE, "--yes").returncode == 0
    assert bot("approve", TARGET).returncode == 2


def test_a_public_repo_keeps_what_it_has_while_its_update_is_stopped(
    bot: Bot, reader: HfApi, hub: LoopbackHub
) -> None:
    """A stopped update waits on the staging branch; main stays, and changes by the approval alone."""
    bot.json("publish", BASE, "--yes", "--staging", "branch", "--recipe", "qx64-hi")
    before = reader.model_info(TARGET).sha
    base = HfApi(endpoint=hub.endpoint, token="hf_rehearsal-bases")
    base.upload_file(path_or_fileobj=b"terms\n", path_in_repo="NOTICE", repo_id=BASE)
    bot.watchlist.write_text(bot.watchlist.read_text() + TIGHT)

    for _ in range(2):
        stopped = bot("publish", BASE, "--yes", "--staging", "branch")
        assert stopped.returncode == 10, stopped.stderr
        assert reader.model_info(TARGET).sha == before
    assert bot.stages().count("upload") == 2

    assert bot("release", TARGET).returncode == 5
    assert bot.json("approve", TARGET)["public"]
    assert "NOTICE" in reader.list_repo_files(TARGET)
    assert [branch.name for branch in reader.list_repo_refs(TARGET).branches] == ["main"]


def test_what_was_not_stopped_is_not_approved(bot: Bot, reader: HfApi) -> None:
    """`bot approve` of what passed sends to `bot release`; the card says what was held against the base."""
    bot.json("publish", BASE, "--yes", "--keep-private")
    done = bot("approve", TARGET)
    assert done.returncode == 2
    assert f"bot release {TARGET}" in done.stderr

    bot.json("release", TARGET)
    card = card_of(reader)
    assert "Against its base" in card
    assert "Stopped by the gate" not in card


@pytest.mark.parametrize("killed", [False, True])
def test_published_early_the_card_says_so_and_then_has_the_numbers(
    bot: Bot, reader: HfApi, killed: bool
) -> None:
    """Public before the tasks are measured, with a banner; one commit then brings scores and outcomes."""
    bot.watchlist.write_text(bot.watchlist.read_text() + "publish: early\n")
    if killed:
        reached = bot.next_time("update card")
        process = bot.start("publish", BASE, "--yes")
        wait_for(reached, 240, "the update of the card")
        assert "Measurement running." in card_of(reader)
        assert manifest_of(reader, TARGET)["measuring"]
        kill(process)

    result = bot.json("publish", BASE, "--yes")

    (outcome,) = result["result"]["outcomes"]
    assert outcome["status"] == "published"
    assert len(outcome["measurement"]["tasks"]) == 2
    commits = reader.list_repo_commits(TARGET)
    assert outcome["published"]["sha"] == commits[0].commit_id
    assert len(commits) == 3, "the repo's first, the early one, the update"
    assert "Measurement running." in card_of(reader, commits[1].commit_id)
    card = card_of(reader)
    assert "Measurement running." not in card
    manifest = manifest_of(reader, TARGET)
    assert manifest["measuring"] is False
    for score in manifest["measurement"]["tasks"]:
        assert f"{score['value']:.3f}" in card
    assert {f["path"] for f in manifest["files"]} <= set(reader.list_repo_files(TARGET))
    assert_repeatable(manifest)
    assert bot("publish", BASE, "--yes").returncode == 0
    assert reader.model_info(TARGET).sha == commits[0].commit_id
