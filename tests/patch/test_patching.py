"""A change upstream on its way into quants that are there, on a real loopback Hub: what is committed, what is
left alone, and what the cards say. The tokenizer itself is tried in tests/flow/test_patch.py."""

from __future__ import annotations

import pytest
from huggingface_hub import ModelCard
from msgspec.structs import replace

from bot.hub.faults import Fault
from bot.patch.trial import Tried
from bot.publish.card_facts import FILE
from bot.publish.card_origin import by_hand
from bot.publish.ledger import MANIFEST
from bot.records import RepoFile
from tests.card.examples import ACCOUNT, BASE_MEASUREMENT, MXFP4, QX64_HI
from tests.patch.conftest import BASE, CARD, World

TEMPLATE = b"{{ messages[0].content | trim }}"
CARD_FILES = {"README.md", MANIFEST, FILE}


def test_new_small_files_reach_every_quant_in_one_commit_and_nothing_else_changes(
    world: World, quants: tuple[str, str]
) -> None:
    """Files, card and manifest, verified; what is gone upstream goes; again there is nothing to do."""
    heads = {repo: world.commits(repo)[0] for repo in quants}
    after = world.upstream(
        {
            "chat_template.jinja": TEMPLATE,
            "generation_config.json": b"{}",
            "README.md": CARD + b"New",
        },
        removed=("vocab.txt",),
    )

    patch = world.plan("tokenizer", world.made_of, after)
    done = world.carry_out(patch)

    assert patch.repos == tuple(sorted(quants))
    assert (patch.files, patch.removed) == (("chat_template.jinja", "generation_config.json"), ("vocab.txt",))
    assert {each.status for each in done.values()} == {"patched"}
    for repo in quants:
        assert world.commits(repo)[:2] == [done[repo].commit, heads[repo]]
        assert world.changed(repo, heads[repo]) == {*patch.files, *patch.removed, *CARD_FILES}
        assert world.read(repo, "chat_template.jinja") == TEMPLATE
        entry = world.manifest(repo)
        assert (entry.base_sha, entry.weights_sha) == (after.sha, world.made_of.sha)
        assert by_hand(entry, world.door.files(repo, "main")) == ()
    again = world.plan("tokenizer", world.made_of, after)
    assert again.repos == ()
    assert {each.status for each in world.carry_out(patch).values()} == {"already"}
    assert {repo: world.commits(repo)[1] for repo in quants} == heads


def test_the_card_says_what_came_when_and_of_which_prompts_its_scores_are(
    world: World, quants: tuple[str, str]
) -> None:
    """The update, the files to fetch again, the former template by its hash; numbers and siblings stay."""
    repo = quants[0]
    before, numbers = world.card(repo), world.manifest(repo).measurement
    after = world.upstream({"chat_template.jinja": TEMPLATE})

    world.carry_out(world.plan("tokenizer", world.made_of, after))

    lines = [line for line in world.card(repo).splitlines() if after.sha[:12] in line]
    assert len(lines) == 1
    assert lines[0].endswith("Fetch again: `chat_template.jinja`")
    assert f"the weights are those of revision {world.made_of.sha[:12]}" in lines[0]
    assert "measured on 2026-01-02 with the former chat template (sha256 aaaaaaaaaaaa)" in lines[0]
    assert f"tree/{world.made_of.sha}" in world.card(repo), "weights and numbers are still of that revision"
    assert [line for line in before.splitlines() if "±" in line] == [
        line for line in world.card(repo).splitlines() if "±" in line
    ]
    assert "(sha256 `aaaaaaaaaaaa`); the files hold another now (sha256 `bbbbbbbbbbbb`" in world.card(repo)
    assert world.manifest(repo).measurement == numbers
    for other in quants:
        assert f"{world.door.endpoint}/{next(q for q in quants if q != other)}" in world.card(other)


def test_scores_of_the_same_prompts_are_not_said_to_be_of_others(world: World) -> None:
    """A generation config changes no prompt, nor a template that the tasks were not asked with."""
    plain = replace(QX64_HI, settings=replace(QX64_HI.settings, chat_template="off"))
    repo = world.put(plain)
    after = world.upstream({"chat_template.jinja": TEMPLATE, "generation_config.json": b"{}"})

    world.carry_out(world.plan("tokenizer", world.made_of, after))

    assert after.sha[:12] in world.card(repo)
    assert "former" not in world.card(repo)


def test_what_somebody_changed_by_hand_is_named_and_left_alone(world: World, quants: tuple[str, str]) -> None:
    """Before the plan and after it; words in the card are no such change, and stay in it."""
    first, second = quants
    world.edit(first, "chat_template.jinja", "content", "CONTENT")
    world.edit(second, "README.md", "## Use it", "## Use it, said a person")
    heads = {repo: world.commits(repo)[0] for repo in quants}
    after = world.upstream({"chat_template.jinja": TEMPLATE})

    patch = world.plan("tokenizer", world.made_of, after)

    assert patch.repos == (second,)
    assert [left.repo for left in patch.left] == [first]
    assert "chat_template.jinja" in patch.left[0].why
    done = world.carry_out(replace(patch, repos=tuple(sorted(quants))))
    assert {repo: each.status for repo, each in done.items()} == {first: "left", second: "patched"}
    assert world.commits(first)[0] == heads[first]
    assert "## Use it, said a person" in world.card(second)
    assert after.sha[:12] in world.card(second)


def test_words_by_hand_on_the_very_line_keep_the_card_and_the_files_land_nonetheless(world: World) -> None:
    """The card waits for a person's word; how to say it is told."""
    repo = world.put(QX64_HI)
    world.edit(repo, "README.md", "\n---\n\nThis model", "\nMy own last words.\n\n---\n\nThis model")
    after = world.upstream({"chat_template.jinja": TEMPLATE})

    done = world.carry_out(world.plan("tokenizer", world.made_of, after))[repo]

    assert done.status == "patched"
    assert f"bot card update {repo} --take mine" in done.note
    assert world.read(repo, "chat_template.jinja") == TEMPLATE
    assert "My own last words." in world.card(repo)
    assert after.sha[:12] not in world.card(repo)
    assert by_hand(world.manifest(repo), world.door.files(repo, "main")) == ("README.md",)


def test_a_commit_whose_answer_is_lost_is_not_made_twice(world: World) -> None:
    """The connection ends after the Hub has it: looked at again, it is there."""
    repo = world.put(QX64_HI)
    head = world.commits(repo)[0]
    after = world.upstream({"chat_template.jinja": TEMPLATE})
    patch = world.plan("tokenizer", world.made_of, after)
    world.hub.arm(Fault(kind="cut", method="POST", path=f"/{repo}/commit/"))

    done = world.carry_out(patch)[repo]

    assert done.status == "patched"
    assert world.commits(repo)[:2] == [done.commit, head]
    assert world.read(repo, "chat_template.jinja") == TEMPLATE


def test_whoever_is_faster_keeps_what_he_wrote_and_the_patch_is_decided_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person edits the card between look and commit: refused by the Hub, looked at again, merged."""
    repo = world.put(QX64_HI)
    after = world.upstream({"chat_template.jinja": TEMPLATE})
    patch = world.plan("tokenizer", world.made_of, after)
    faster: list[str] = []
    looked = world.door.files

    def files(name: str, revision: str) -> tuple[RepoFile, ...]:
        found = looked(name, revision)
        if not faster:
            faster.append(world.edit(repo, "README.md", "## Use it", "## Use it, said a person"))
        return found

    monkeypatch.setattr(world.door, "files", files)

    done = world.carry_out(patch)[repo]

    assert world.commits(repo)[:2] == [done.commit, *faster]
    assert "## Use it, said a person" in world.card(repo)
    assert after.sha[:12] in world.card(repo)


def test_a_quant_that_missed_a_patch_gets_both(world: World) -> None:
    """What it was made of stands in its manifest; a sibling of the newer revision gets only what it lacks."""
    late = world.put(QX64_HI)
    middle = world.upstream({"generation_config.json": b'{"top_k": 1}'})
    newer = world.put(MXFP4, base=middle)
    after = world.upstream({"chat_template.jinja": TEMPLATE})

    patch = world.plan("tokenizer", middle, after)
    done = world.carry_out(patch)

    assert patch.earlier == (world.made_of.sha,)
    assert done[late].files == ("chat_template.jinja", "generation_config.json")
    assert done[newer].files == ("chat_template.jinja",)


def test_quants_of_other_weights_or_in_the_middle_of_measuring_are_left_with_the_reason(world: World) -> None:
    """Only the tokenizer of the same weights is worth patching."""
    old, running = world.put(QX64_HI), world.put(MXFP4, measuring=True)
    middle = world.upstream({"model.safetensors": b"other weights"})
    after = world.upstream({"chat_template.jinja": TEMPLATE})

    patch = world.plan("tokenizer", middle, after)

    why = {left.repo: left.why for left in patch.left}
    assert patch.repos == ()
    assert "weights changed since" in why[old]
    assert "being measured" in why[running]


def test_a_quant_that_would_read_otherwise_than_its_base_is_not_touched(world: World) -> None:
    """The complaint is its error, and there is no commit."""
    repo = world.put(QX64_HI)
    after = world.upstream({"chat_template.jinja": TEMPLATE})
    head = world.commits(repo)[0]

    done = world.carry_out(
        world.plan("tokenizer", world.made_of, after), Tried(complaints=("a chat is rendered otherwise",))
    )[repo]

    assert (done.status, done.error_kind) == ("failed", "VerificationFailed")
    assert "rendered otherwise" in done.error
    assert world.commits(repo)[0] == head


def test_new_terms_that_a_person_said_yes_to_reach_quants_and_cards(world: World) -> None:
    """The license's text beside the weights, its name in the card's metadata; without a yes nothing moves."""
    repo = world.put(QX64_HI)
    terms = {"LICENSE": b"You may still.\n", "README.md": CARD.replace(b"mit", b"apache-2.0")}
    after = world.upstream({**terms, "chat_template.jinja": TEMPLATE})

    assert "license changed since" in world.plan("tokenizer", world.made_of, after).left[0].why
    done = world.carry_out(world.plan("license", world.made_of, after))[repo]

    assert done.files == ("LICENSE", "chat_template.jinja")
    assert world.read(repo, "LICENSE") == b"You may still.\n"
    assert "\nlicense: apache-2.0\n" in world.card(repo)
    assert "license mit" not in world.card(repo)


def test_a_renamed_base_is_called_by_its_new_name_on_cards_and_in_manifests(
    world: World, quants: tuple[str, str]
) -> None:
    """base_model, links and texts follow, the quants keep their names, and later patches find them."""
    new = "LiquidAI/LFM2-8B"
    world.store.move_repo("model", BASE, new)

    done = world.carry_out(world.plan("renamed", world.made_of, renamed_to=new))

    assert {each.status for each in done.values()} == {"patched"}
    for repo in quants:
        card = ModelCard(world.card(repo))
        assert f"base_model: {new}\n" in card.content
        assert f"{world.door.endpoint}/{new}/tree/" in card.text
        assert f"{world.door.endpoint}/{BASE})" not in card.text
        assert next(other for other in quants if other != repo) in card.text
        entry = world.manifest(repo)
        assert entry.base == new
        assert entry.base_measurement == replace(BASE_MEASUREMENT, name=new)
    assert world.plan("renamed", world.made_of, renamed_to=new).repos == ()
    world.store.commit("model", new, {"chat_template.jinja": TEMPLATE})
    after = world.door.base_revision(new)
    assert world.plan("tokenizer", replace(world.made_of, repo=new), after).repos == tuple(sorted(quants))


def test_a_base_that_is_gone_is_one_line_on_each_card_and_the_quants_stay(
    world: World, quants: tuple[str, str]
) -> None:
    """Since when it is known, said once; repos that the bot did not make are not looked at."""
    foreign = f"{ACCOUNT}/{BASE.split('/')[1]}-by-hand-mlx"
    world.door.api.create_repo(foreign)
    heads = {repo: world.commits(repo)[0] for repo in (*quants, foreign)}
    world.store.delete_repo("model", BASE)

    done = world.carry_out(world.plan("gone", world.made_of))

    assert set(done) == set(quants)
    for repo in quants:
        said = [line for line in world.card(repo).splitlines() if "no longer on the Hub" in line]
        assert len(said) == 1
        assert "2026-03-04" in said[0]
        assert f"{world.door.endpoint}/{BASE}" not in world.card(repo), "no link that leads nowhere"
        assert world.manifest(repo).base_gone == "2026-03-04"
        assert world.changed(repo, heads[repo]) == CARD_FILES
    assert world.commits(foreign)[0] == heads[foreign]
    assert world.plan("gone", world.made_of).repos == ()


@pytest.mark.parametrize("kind", ["card", "tokenizer"])
def test_a_base_that_is_back_is_not_said_to_be_gone(world: World, kind: str) -> None:
    """The next patch takes the mark off the manifest, and tells nothing wrong."""
    repo = world.put(QX64_HI)
    world.carry_out(world.plan("gone", world.made_of))
    after = world.upstream(
        {"README.md": CARD + b"Again"} if kind == "card" else {"chat_template.jinja": TEMPLATE}
    )

    done = world.carry_out(world.plan(kind, world.made_of, after))[repo]  # type: ignore[arg-type]  # of two

    assert done.status == "patched"
    assert world.manifest(repo).base_gone == ""
    assert world.manifest(repo).base_sha == after.sha
