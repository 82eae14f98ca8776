"""A long measurement split over machines: nothing is lost, nothing measured twice, about equally long."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.fleet.shares import keep, packed
from bot.fleet.split import QUESTIONS, Share, cost, only_tasks, rest, split
from bot.records import MeasureSettings

RECIPES = st.lists(st.sampled_from(["q4", "q6", "q8", "qx64-hi", "qx86-hi"]), max_size=5, unique=True).map(
    lambda recipes: [None, *recipes]
)
TASKS = st.lists(st.sampled_from([*QUESTIONS, "mmlu"]), min_size=1, max_size=8, unique=True)


def pieces(shares: list[Share]) -> list[tuple[str | None, str]]:
    return [(one.recipe, task) for share in shares for one in share.work for task in one.tasks]


@given(RECIPES, TASKS, st.integers(1, 6), st.none() | st.integers(1, 2000))
def test_every_task_of_every_model_is_in_exactly_one_share(
    recipes: list[str | None], tasks: list[str], machines: int, limit: int | None
) -> None:
    """At most one share a machine; all of them together are the whole measurement; no share is longer than a
    fair part and its longest piece."""
    settings = MeasureSettings(tasks=tuple(tasks), limit=limit)
    shares = split(recipes, settings, machines)

    assert sorted(pieces(shares), key=str) == sorted(((r, t) for r in recipes for t in tasks), key=str)
    assert 1 <= len(shares) <= machines
    lengths = [sum(cost(task, limit) for _, task in pieces([share])) for share in shares]
    per_model = sum(cost(task, limit) for task in tasks)
    longest = per_model if len(recipes) >= machines else max(cost(task, limit) for task in tasks)
    assert max(lengths) <= sum(lengths) / machines + longest


@given(RECIPES, TASKS, st.integers(1, 6), st.integers(0, 6))
def test_what_nobody_was_asked_for_is_left_to_the_family(
    recipes: list[str | None], tasks: list[str], machines: int, given_away: int
) -> None:
    """Also when the step is repeated and only some shares were asked for: shares and rest are the whole."""
    shares = split(recipes, MeasureSettings(tasks=tuple(tasks)), machines)[:given_away]
    own = rest(recipes, tasks, shares)
    assert sorted([*pieces(shares), *pieces([own])], key=str) == sorted(
        ((r, t) for r in recipes for t in tasks), key=str
    )


def test_a_share_is_asked_exactly_as_the_whole() -> None:
    """Seed, limit, chat template and arithmetic stay; speed and perplexity are nobody's share."""
    whole = MeasureSettings(limit=7, seed=5, chat_template="both", exact_dtype=True)
    part = only_tasks(whole, ["piqa"])
    assert (part.limit, part.seed, part.chat_template, part.exact_dtype) == (7, 5, "both", True)
    assert (part.tasks, part.perplexity_samples, part.speed_trials) == (("piqa",), 0, 0)


def test_files_of_a_store_travel_byte_for_byte_and_only_into_the_store(tmp_path: Path) -> None:
    """What is there already stays; a name that leads out of the store is left out."""
    there, here = tmp_path / "there", tmp_path / "here"
    names = [f"{'0a' * 16}/piqa-0011.json", f"{'0a' * 16}/piqa-0011.outcomes.gz"]
    for number, name in enumerate(names):
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(bytes([number, 255]))
    sent = packed(there, names)
    bad = dict.fromkeys(("../x.json", "/etc/x.json", "0a/../../x.json", "0a0a0a0a/x.sh"), sent[names[0]])

    assert keep(here, sent | bad) == 2
    assert [(here / name).read_bytes() for name in names] == [b"\x00\xff", b"\x01\xff"]
    assert keep(here, sent) == 0
    assert sorted(path.name for path in tmp_path.rglob("x.*")) == []
