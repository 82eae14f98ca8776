"""The gate's steps against a real loopback Hub: what they commit, once and twice, and what they leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from msgspec.structs import replace

from bot.errors import NeedsPerson, VerificationFailed
from bot.hub.process import LoopbackHub
from bot.huggingface import HubDoor
from bot.publish import collections, ledger, released, repo
from bot.recipes.names import parse
from bot.records import (
    Answer,
    Answers,
    Manifest,
    ModelFolder,
    Plan,
    PlannedQuant,
    PublishedRepo,
    from_json,
    to_json,
)
from bot.settings import Settings, from_environment
from bot.steps import card, gate, release
from bot.steps.job import Job, Json
from tests.card.examples import ACCOUNT, BASE, BASE_MEASUREMENT, QX64_HI
from tests.card.examples import repo as repo_of

QUANT = repo_of("qx64-hi")
FINE = Answer(prompt="hello", text="Hello!", tokens=2, stopped=True, looping=False)
LOOPS = replace(FINE, text="Hello Hello Hello", stopped=False, looping=True)
COMPLAINT = "its answer to 'hello' repeats itself, the base's does not"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A Hub, and an environment that talks to it as the account."""
    with LoopbackHub.start(tmp_path / "hub") as running:
        monkeypatch.setenv("HF_ENDPOINT", running.endpoint)
        monkeypatch.setenv("HF_TOKEN", f"hf_{ACCOUNT}")
        monkeypatch.setenv("BOT_HOME", str(tmp_path / "home"))
        monkeypatch.delenv("BOT_TEMPLATES", raising=False)
        yield running


@pytest.fixture
def known(hub: LoopbackHub) -> Settings:
    return from_environment()


@pytest.fixture
def door(known: Settings) -> HubDoor:
    return HubDoor(known)


@pytest.fixture
def job(hub: LoopbackHub, tmp_path: Path) -> Job:
    """A finished quant whose tasks are not measured yet."""
    folder = tmp_path / "quants" / QUANT.split("/")[1]
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    recipe = parse("qx64-hi")
    quant = PlannedQuant(
        recipe="qx64-hi", recipe_hash=recipe.hash, repo=QUANT, predicted_bytes=7, bits_per_weight=6.28
    )
    plan = Plan(
        base=BASE, account=ACCOUNT, endpoint=hub.endpoint, quants=(quant,), recipes=(recipe,),
        collections=("LFM2",), rehearsal=True, publish="early",
    )  # fmt: skip
    made = ModelFolder(
        recipe="qx64-hi", recipe_hash=recipe.hash, path=str(folder), base=BASE.repo, base_sha=BASE.sha,
        files=(), bits_per_weight=6.28, parameters=8_340_000_000,
    )  # fmt: skip
    base = replace(BASE_MEASUREMENT, tasks=(), answers=Answers(answers=(FINE,)))
    measured = (base, replace(QX64_HI, tasks=()))
    return Job(family="family", plan=plan, quant=quant, folder=made, measured=measured, measuring=True)


def uploaded(job: Job) -> tuple[Json, str]:
    """Carded and uploaded, still private."""
    card.write_card(to_json(job))
    place = release.create(to_json(job))
    return place, release.upload(to_json(job), place)


def out_early(job: Job) -> str:
    """Public, with the banner, in its collection."""
    place, sha = uploaded(job)
    found = gate.pass_gate(to_json(job), place, sha, to_json(Answers(answers=(FINE,))))
    assert (found["gate"]["passed"], found["sha"]) == (True, sha)
    sha = release.release(to_json(job), place, sha)
    release.link(to_json(job))
    return sha


def with_tasks(job: Job) -> Job:
    base = replace(BASE_MEASUREMENT, answers=Answers(answers=(FINE,)))
    return replace(job, measured=(base, QX64_HI), measuring=False)


def updated(job: Job) -> PublishedRepo:
    return from_json(PublishedRepo, gate.update_card(to_json(job)))


def manifest(door: HubDoor) -> Manifest:
    found = ledger.look(door, QUANT).manifest
    assert found is not None
    return found


def readme(door: HubDoor) -> str:
    return (door.read(QUANT, "README.md") or b"").decode()


def commits(door: HubDoor) -> list[str]:
    return [commit.commit_id for commit in door.api.list_repo_commits(QUANT)]


def test_answers_that_stop_a_quant_stand_on_its_card_and_in_its_manifest(job: Job, door: HubDoor) -> None:
    """One commit adds the reason, done twice it is still one; nothing is public."""
    place, sha = uploaded(job)
    assert "Stopped by the gate." not in readme(door)
    answers = to_json(Answers(answers=(LOOPS,)))

    found = gate.pass_gate(to_json(job), place, sha, answers)
    again = gate.pass_gate(to_json(job), place, found["sha"], answers)

    assert list(found["gate"]["reasons"]) == [COMPLAINT]
    assert again["sha"] == found["sha"] == commits(door)[0] != sha
    assert "Stopped by the gate." in readme(door)
    assert manifest(door).stopped
    assert ledger.look(door, QUANT).private


def test_a_person_approves_what_was_said_and_nothing_besides(
    job: Job, door: HubDoor, known: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Approving lets just the gate's reasons pass; another complaint keeps it private. Twice is once."""
    place, sha = uploaded(job)
    gate.pass_gate(to_json(job), place, sha, to_json(Answers(answers=(LOOPS,))))
    told = [COMPLAINT, "its tokenizer does not know <end>"]
    monkeypatch.setattr(released, "_complaints", lambda *_: told)
    with pytest.raises(VerificationFailed, match="<end>"):
        released.approve(door, known, QUANT)
    assert ledger.look(door, QUANT).private
    told.pop()

    before = commits(door)
    assert released.approve(door, known, QUANT).public

    approval = manifest(door).approval
    assert approval is not None
    assert (approval.by, approval.reasons) == (ACCOUNT, (COMPLAINT,))
    assert commits(door)[1:] == before
    repo.make_private(door, QUANT)
    assert released.approve(door, known, QUANT).public
    assert commits(door)[1:] == before


def test_what_is_out_early_gets_its_numbers_in_one_commit(job: Job, door: HubDoor) -> None:
    """The banner goes, the scores come, the weights stay; done twice nothing more is committed."""
    early = out_early(job)
    assert "Measurement running." in readme(door)
    assert manifest(door).measuring

    found = updated(with_tasks(job))

    assert found.public
    assert commits(door)[:2] == [found.sha, early]
    assert "Measurement running." not in readme(door)
    assert f"{QX64_HI.tasks[0].value:.3f}" in readme(door)
    assert not manifest(door).measuring
    assert updated(with_tasks(job)).sha == found.sha == commits(door)[0]


def test_what_its_tasks_reveal_as_broken_is_private_again(job: Job, door: HubDoor) -> None:
    """A likelihood that is no number, found after it was out: private, out of its collections, and said."""
    out_early(job)
    broken = replace(job, measuring=False, broken="its answers to piqa are no finite numbers")

    for _ in range(2):
        found = updated(broken)
        assert (found.public, found.stopped) == (False, True)
    assert ledger.look(door, QUANT).private
    assert collections.remove(door, ACCOUNT, QUANT) == []
    assert "Stopped by the gate." in readme(door)
    assert "no finite numbers" in readme(door)
    assert manifest(door).stopped


def test_what_the_answers_stopped_stays_stopped_when_the_tasks_are_done(job: Job, door: HubDoor) -> None:
    """Good scores do not take back what the gate said of the answers; the card gets them all the same."""
    place, sha = uploaded(job)
    gate.pass_gate(to_json(job), place, sha, to_json(Answers(answers=(LOOPS,))))

    found = updated(with_tasks(job))

    assert (found.public, found.stopped) == (False, True)
    assert found.gate is not None
    assert found.gate.reasons == (COMPLAINT,)
    assert f"{QX64_HI.tasks[0].value:.3f}" in readme(door)


def test_a_card_that_somebody_else_changed_meanwhile_is_left_as_it_is(job: Job, door: HubDoor) -> None:
    """The update refuses to write over another's words, and says what was changed."""
    out_early(job)
    HfApi(endpoint=door.endpoint, token=f"hf_{ACCOUNT}").upload_file(
        path_or_fileobj=b"# My own words\n", path_in_repo="README.md", repo_id=QUANT
    )

    with pytest.raises(NeedsPerson, match=r"README\.md"):
        updated(with_tasks(job))

    assert readme(door) == "# My own words\n"
