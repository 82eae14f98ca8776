"""What is told of a run that ended: each quant once, and the plan's own line whether it went well."""

from __future__ import annotations

from bot.patch.patch import Patched, PatchedRepo
from bot.records import FamilyResult, Outcome, to_json
from bot.unattended.ended import of_family, of_patch


def outcome(name: str, status: str, error: str | None = None) -> Outcome:
    return Outcome(repo=f"me/{name}", recipe="q4", status=status, error=error)  # type: ignore[arg-type]


def test_of_a_family_each_quant_is_told_with_what_it_came_to() -> None:
    """Published, stopped and failed ones are told, what was there already is not news; one that failed makes
    the plan end badly, one that the gate stopped does not: it did what it should."""
    result = FamilyResult(
        base="a/b",
        base_sha="1",
        base_measurement=None,
        outcomes=(
            outcome("new", "published"),
            outcome("old", "already"),
            outcome("drifted", "stopped", "its KL is 3"),
        ),
    )
    ending = of_family(to_json(result))
    assert ending.ok
    assert ending.text == "2 of 3 quants are public"
    assert [(kind, repo) for kind, repo, _ in ending.told] == [
        ("published", "me/new"),
        ("stopped", "me/drifted"),
    ]
    assert "its KL is 3" in ending.told[1][2]

    broken = FamilyResult(
        base="a/b", base_sha="1", base_measurement=None, outcomes=(outcome("x", "failed", "no disk"),)
    )
    assert not of_family(to_json(broken)).ok
    assert of_family(to_json(broken)).told == (("failed", "me/x", "me/x: no disk"),)


def test_of_a_patch_what_was_left_alone_is_told_too() -> None:
    """A quant that somebody changed by hand is no failure, but its owner hears of it."""
    result = Patched(
        base="a/b",
        sha="1",
        kind="tokenizer",
        repos=(
            PatchedRepo(repo="me/x", status="patched", commit="c"),
            PatchedRepo(repo="me/y", status="left", error="its tokenizer.json was changed by hand"),
        ),
    )
    ending = of_patch(to_json(result))
    assert ending.ok
    assert ending.text == "1 of 2 quants are up to date with it"
    assert "by hand" in ending.told[0][2]
