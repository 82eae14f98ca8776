"""Deciding a plan: one table of how a target repo may stand, and what follows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.errors import UnsuitableBase, UsageError
from bot.plan.decide import Wishes, action_for, collection_titles, decide, needs, repo_name, unsuitable
from bot.publish.ledger import OnHub
from bot.recipes import Prediction
from bot.recipes.names import parse
from bot.records import BaseRevision, Gate, Manifest, RepoFile

REPO, SHA, HASH = "me/Base-q8-mlx", "a" * 40, "b" * 64
WEIGHTS = RepoFile(path="model.safetensors", size=10)
BASE = BaseRevision(
    repo="they/Base", sha=SHA, license="mit", files=(WEIGHTS, RepoFile(path="config.json", size=2))
)


STOPPED = Gate(passed=False, reasons=("its KL to the base is 9 nats a token",))


def ours(
    base_sha: str = SHA,
    recipe_hash: str = HASH,
    private: bool = False,
    whole: bool = True,
    gate: Gate = Gate(passed=True),  # noqa: B008  frozen
    measuring: bool = False,
) -> OnHub:
    manifest = Manifest(
        repo=REPO, base=BASE.repo, base_sha=base_sha, recipe="q8", recipe_hash=recipe_hash, files=(WEIGHTS,),
        gate=gate, measuring=measuring,
    )  # fmt: skip
    files = (WEIGHTS,) if whole else ()
    return OnHub(repo=REPO, standing="ours", private=private, manifest=manifest, files=files)


@pytest.mark.parametrize(
    ("standing", "keep_private", "action"),
    [
        (OnHub(repo=REPO, standing="absent"), False, "make"),
        (OnHub(repo=REPO, standing="empty"), False, "make"),
        (OnHub(repo=REPO, standing="foreign"), False, "foreign"),
        (ours(), False, "published"),
        (ours(), True, "published"),
        (ours(private=True), False, "make"),
        (ours(private=True), True, "waiting"),
        (ours(base_sha="c" * 40), False, "update"),
        (ours(recipe_hash="d" * 64), False, "update"),
        (ours(whole=False), False, "update"),
        (ours(private=True, gate=STOPPED), False, "stopped"),
        (ours(private=True, gate=STOPPED), True, "stopped"),
        (ours(private=True, gate=STOPPED, base_sha="c" * 40), False, "update"),
        (ours(private=True, gate=STOPPED, whole=False), False, "update"),
        (ours(gate=STOPPED), False, "published"),
        (replace(ours(base_sha="c" * 40), staged=ours(gate=STOPPED)), False, "stopped"),
        (OnHub(repo=REPO, standing="empty", staged=ours(gate=STOPPED)), False, "stopped"),
        (replace(ours(base_sha="c" * 40), staged=ours()), False, "update"),
        (ours(measuring=True), False, "update"),
    ],
)
def test_what_follows_from_how_a_repo_stands(standing: OnHub, keep_private: bool, action: str) -> None:
    """Only a whole repo of just this revision and recipe counts as made; a foreign one is never touched, and
    what the gate stopped waits for a person. What was approved is public, and counts as published."""
    assert action_for(standing, SHA, HASH, keep_private=keep_private)[0] == action


def test_a_plan_names_every_target_and_what_it_needs_of_the_disk() -> None:
    """The disk holds the base, each quant that is made, and one copy downloaded back."""
    wishes = Wishes(recipes=(parse("q8"), parse("q4")), account="me")
    predictions = [
        Prediction(recipe=r, bytes=b, bits_per_weight=8.5, parameters=1)
        for r, b in zip(wishes.recipes, (100, 60), strict=True)
    ]
    standings = {
        REPO: ours(recipe_hash=parse("q8").hash),
        "me/Base-q4-mlx": OnHub(repo="me/Base-q4-mlx", standing="absent"),
    }

    plan = decide(BASE, wishes, predictions, standings, endpoint="http://hub", text_only=False)

    assert [(q.repo, q.action) for q in plan.quants] == [(REPO, "published"), ("me/Base-q4-mlx", "make")]
    assert [q.recipe for q in plan.to_make()] == ["q4"]
    assert plan.disk_bytes == 10 + 60 + 60
    assert plan.collections == ("Base MLX quants", "they on MLX")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (("model.safetensors",), "config.json"),
        (("config.json", "pytorch_model.bin"), "pickle"),
        (("config.json", "README.md"), "no weights"),
        (("config.json", "model.safetensors", "pytorch_model.bin"), None),
    ],
)
def test_which_files_make_a_base(files: tuple[str, ...], says: str | None) -> None:
    """A base needs a config and safetensors; pickle beside them does no harm."""
    base = BaseRevision(repo="a/b", sha=SHA, files=tuple(RepoFile(path=path, size=1) for path in files))
    reason = unsuitable(base)
    assert (reason is None) if says is None else says in str(reason)
    if says is not None:
        with pytest.raises(UnsuitableBase):
            decide(base, Wishes(recipes=(), account="me"), [], {}, endpoint="", text_only=False)


def test_a_person_is_asked_once_for_each_thing() -> None:
    """Gated and unlicensed bases wait until each was accepted by its word."""
    base = BaseRevision(repo="a/b", sha=SHA, gated=True)
    assert len(needs(base, ())) == 2
    assert len(needs(base, ("gated",))) == 1
    assert needs(base, ("gated", "no-license")) == ()


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}", fullmatch=True), st.booleans())
def test_names_hold_mlx_as_a_whole_word_and_say_text_only(base: str, text_only: bool) -> None:
    """`<Base>-<recipe>-mlx`, with -text where the vision part is left out."""
    name = repo_name("me", f"they/{base}", "qx86-hi", text_only=text_only)
    assert name.split("/")[1].split("-")[-1] == "mlx"
    assert name == f"me/{base}{'-text' if text_only else ''}-qx86-hi-mlx"


def test_what_a_hub_would_refuse_is_refused_before() -> None:
    """Too long a name, and a placeholder nobody fills, are said when the plan is made."""
    with pytest.raises(UsageError, match="the Hub allows 96"):
        repo_name("me", "they/" + "x" * 90, "qx86-hi", text_only=False)
    with pytest.raises(UsageError, match=r"\{base\} and \{author\} only"):
        collection_titles(["{colour} quants"], BASE)
