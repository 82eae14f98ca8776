"""Which rule lets a proposal start, and which holds it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bot.plan.proposal import Proposal
from bot.plan.rules import Standing, verdict
from bot.records import BaseRevision
from bot.watch.watchlist import Entry, entry_for, of_document
from bot.yaml_lines import Document
from tests.plan.proposals import GB, base, planned, proposal

WATCHLIST = """\
recipes: [q8]
approval: {auto_up_to: 20GB, auto_authors: [Qwen, OpenAI]}
max_size: 40GB
repos:
  - repo: Qwen/Qwen3-8B
  - repo: Qwen/asks
    approval: ask
  - repo: Qwen/all
    approval: auto
    accept: [gated, no-license]
  - repo: stranger/model
"""


def entry(repo: str) -> Entry:
    found = entry_for(of_document(Document(WATCHLIST.encode(), "some/watchlist.yaml")), repo)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("of", "outcome", "rule", "why"),
    [
        (base(), "start", "approval, watchlist.yaml:2", "without asking"),
        (base(weights=21 * GB), "ask", "approval, watchlist.yaml:2", "21.0 GB, more than `auto_up_to` 20.0"),
        (base(weights=41 * GB), "ask", "max_size, watchlist.yaml:3", "41.0 GB, more than 40.0 GB"),
        (base("stranger/model"), "ask", "approval, watchlist.yaml:2", "stranger is not among"),
        (base("Qwen/asks"), "ask", "approval, watchlist.yaml:7", "everything asks"),
        (base(gated=True), "ask", "accept, by default", "it is gated"),
        (base(license=None), "ask", "accept, by default", "names no license"),
        (base("Qwen/all", gated=True, license=None), "start", "approval, watchlist.yaml:9", "without asking"),
        (base("Qwen/all", weights=41 * GB), "ask", "max_size, watchlist.yaml:3", "41.0 GB"),
    ],
)
def test_each_verdict_names_the_rule_and_its_line(
    of: BaseRevision, outcome: str, rule: str, why: str
) -> None:
    """Terms come before size, size before approval; the line is the entry's own, else the top's."""
    found = verdict(proposal(of.repo, of=of), entry(of.repo))
    assert (found.outcome, found.rule) == (outcome, rule)
    assert why in found.why


def test_what_nobody_watches_asks() -> None:
    """Asked for by hand, there is no rule that could let it start."""
    assert verdict(proposal(), None).outcome == "ask"


def test_a_patch_asks_by_author_but_not_by_size() -> None:
    """It brings small files into quants that are there; who asks for everything is asked all the same."""
    large = proposal("Qwen/Qwen3-8B", action="patch", of=base(weights=900 * GB, gated=True))
    assert verdict(large, entry("Qwen/Qwen3-8B")).outcome == "start"
    assert verdict(proposal("stranger/model", action="patch"), entry("stranger/model")).outcome == "ask"
    assert verdict(proposal("Qwen/asks", action="patch"), entry("Qwen/asks")).outcome == "ask"


@pytest.mark.parametrize(
    ("asked", "standing", "outcome", "rule"),
    [
        (proposal(action="freeze"), Standing(), "ask", "freeze"),
        (proposal("Qwen/all"), Standing(frozen="nobody said yes"), "ask", "freeze"),
        (proposal("Qwen/all", action="patch"), Standing(frozen="nobody said yes"), "ask", "freeze"),
        (proposal("Qwen/all", action="mark"), Standing(frozen="nobody said yes"), "start", "approval"),
        (proposal("Qwen/all"), Standing(refused="ann"), "no", "refused"),
        (proposal("Qwen/all", action="nothing"), Standing(), "no", "action"),
    ],
)
def test_changed_terms_and_refusals_hold_what_any_rule_would_let_start(
    asked: Proposal, standing: Standing, outcome: str, rule: str
) -> None:
    """`approval: auto` is no yes to new terms, and no answer to a no."""
    found = verdict(asked, entry("Qwen/all"), standing)
    assert found.outcome == outcome
    assert found.rule.startswith(rule)


@pytest.mark.parametrize("action", ["published", "foreign", "waiting"])
def test_a_plan_that_makes_nothing_is_no_plan(action: str) -> None:
    """What is published, or belongs to somebody else, is said and not proposed."""
    plan = planned(base())
    quant = replace(plan.quants[0], action=action, why="it is there")
    found = verdict(replace(proposal(), plan=replace(plan, quants=(quant,))), entry("Qwen/Qwen3-8B"))
    assert (found.outcome, found.why) == ("no", "it is there")
