"""Rendering 1,000 cards, and rendering them again after a commit to a template.

    uv run python benchmarks/cards.py [--cards 1000] [--drawn 20]

Cards of invented families, by three templates in a git repo of their own. Then a block that two of the three
include says something new on a part of their cards. Nothing goes to a Hub: what would is counted by the same
functions as `bot card update` counts by. Seconds are of the clock; beside them those of the processor, git's
included, for a machine that has other work to do.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import git
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the invented family lies with the tests

from bot.card.board import board
from bot.card.changes import touched_by
from bot.card.facts import Facts
from bot.card.figures.draw import figures
from bot.card.figures.sketch import sketches
from bot.card.render import render
from bot.card.template_folder import commit_of, standard
from bot.publish.card_decision import CardUpdate, decide
from bot.records import Card, Measurement, Record
from bot.review.review import review
from tests.card import examples

Commit = Callable[[Path], "str | None"]
TEMPLATES = ("quant", "quant", "across", "short", "short")
"""Two cards of five are by the standard template, two are short, one is of another kind."""
BLOCK = "blocks/first.md.j2"
"""Included by `quant` and `across`; the addition shows on the cards of what sees, here one of ten."""
ADDITION = "\n{% if facts.text_only %}\nNew in this block: it reads no pictures.\n{% endif %}\n"


class Lap(Record, frozen=True, kw_only=True):
    """Seconds of the clock and of the processor."""

    clock: float = 0.0
    processor: float = 0.0


@contextmanager
def timed(laps: dict[str, Lap], name: str) -> Iterator[None]:
    """Writes into `laps` how long the block took."""
    clock, processor = time.perf_counter(), sum(os.times()[:4])
    yield
    laps[name] = Lap(clock=time.perf_counter() - clock, processor=sum(os.times()[:4]) - processor)


def invented(number: int) -> Facts:
    """The facts of one card; the same number gives the same."""
    chance = random.Random(number)

    def varied(found: Measurement) -> Measurement:
        tasks = tuple(
            examples.task_score(each.task, min(0.99, each.value + chance.uniform(-0.02, 0.02)))
            for each in found.tasks
        )
        return replace(found, tasks=tasks, size_bytes=found.size_bytes + chance.randrange(2**28))

    family = tuple(varied(each) for each in (examples.QX86_HI, examples.QX64_HI, examples.MXFP4))
    name = f"Model-{number}"
    known = examples.card_facts(
        mine=family[number % 3],
        base_measurement=varied(examples.BASE_MEASUREMENT),
        others=family,
        base=replace(examples.BASE, repo=f"Somebody/{name}"),
        text_only=number % 10 == 0,
    )
    template = TEMPLATES[number % len(TEMPLATES)]
    repo = f"{examples.ACCOUNT}/{name}-{known.recipe}-mlx"
    return replace(known, card=repo.split("/")[1], repo=repo, template=template)


def own_templates(folder: Path) -> git.Repo:
    """The standard templates as an account's own, committed."""
    shutil.copytree(standard(), folder)
    repo = git.Repo.init(folder)
    with repo.config_writer() as config:
        config.set_value("user", "name", "Benchmark").set_value("user", "email", "b@example.org")
    return committed(repo)


def committed(repo: git.Repo) -> git.Repo:
    """Everything in it, committed."""
    repo.git.add(all=True)
    repo.git.commit(message="templates")
    return repo


def rendered(facts: Facts, own: Path, commit: Commit) -> Card:
    """As `bot card update` renders it: with the pictures' words, not drawn, and git asked once."""
    return render(facts, review(facts), own, sketches(facts, board(facts)), commit=commit)


def again(known: list[Facts], before: list[Card], own: Path) -> Counter[str]:
    """How many cards were rendered again, and how many of them need a commit."""
    touched, commit, found = touched_by(own), functools.cache(commit_of), Counter[str]()
    for facts, old in zip(known, before, strict=True):
        if touched(old.template, old.template_commit, ()) == frozenset():
            continue
        new = rendered(facts, own, commit)
        update = CardUpdate(
            repo=facts.full_name, status="unchanged", before=old.text, base=old.text, rendered=new.text
        )
        found["rendered"] += 1
        found["commits"] += decide(update, old.template_commit, new.template_commit).writes
    return found


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--cards", type=int, default=1000)
    options.add_argument("--drawn", type=int, default=20, help="of how many cards the figures are drawn")
    chosen = options.parse_args()
    laps: dict[str, Lap] = {}
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "templates"
        repo = own_templates(own)
        known = [invented(number) for number in range(chosen.cards)]
        commit = functools.cache(commit_of)
        rendered(known[0], own, commit)  # what is loaded once is not counted
        with timed(laps, "rendered"):
            before = [rendered(facts, own, commit) for facts in known]
        some = known[: chosen.drawn]
        with timed(laps, "figures drawn"):
            for facts in some:
                figures(facts, board(facts))
        with (own / BLOCK).open("a", encoding="utf-8") as block:
            block.write(ADDITION)
        committed(repo)
        with timed(laps, "after the commit"):
            found = again(known, before, own)
    report(laps, {"rendered": len(known), "figures drawn": len(some), "after the commit": len(known)}, found)


def report(laps: dict[str, Lap], cards: dict[str, int], found: Counter[str]) -> None:
    """The table, as Markdown."""
    print("| | cards | seconds | of the processor | cards a second | on a free core |")
    print("|:--|--:|--:|--:|--:|--:|")
    for name, lap in laps.items():
        rates = (cards[name] / lap.clock, cards[name] / lap.processor)
        print(
            f"| {name} | {cards[name]:,} | {lap.clock:.1f} | {lap.processor:.1f} | "
            f"{rates[0]:.1f} | {rates[1]:.1f} |"
        )
    print(
        f"\nOf {cards['rendered']:,} cards {found['rendered']:,} use the block and were rendered again; "
        f"{found['commits']:,} read otherwise and need a commit on the Hub."
    )


if __name__ == "__main__":
    main()
