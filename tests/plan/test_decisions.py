"""What becomes of proposals, over a real journal: stored once, decided once, told always."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.errors import NotFound, UsageError
from bot.journal import plans, timeline
from bot.journal.database import Journal, journal
from bot.plan import decisions
from bot.plan.budget import Room
from bot.plan.decisions import approve, due, over, propose, refuse, started
from bot.plan.proposal import Estimate, Proposal
from bot.plan.rules import Verdict, verdict
from bot.settings import Settings
from bot.watch.budget import Budget
from bot.watch.quantities import QuietHours, Size
from tests.plan.proposals import GB, base, proposal

ASK = Verdict(outcome="ask", rule="approval, watchlist.yaml:2", why="everything asks")
START = Verdict(outcome="start", rule="approval, watchlist.yaml:2", why="without asking")
NOW = datetime.now(UTC)
NEW = "c" * 40


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Journal]:
    with journal(Settings(home=tmp_path)) as opened:
        yield opened


def state(kept: Journal, of: Proposal) -> str:
    found = plans.get(kept, of.id)
    assert found is not None
    return found.state


def told(kept: Journal) -> list[tuple[str, str]]:
    return [(event.kind, event.text) for event in reversed(timeline.since(kept))]


def test_from_a_change_to_its_end(kept: Journal) -> None:
    """Proposed, approved by a person, started, over: each step stands in the timeline with who and why."""
    mine = proposal()
    assert propose(kept, mine, ASK) is not None
    assert due(kept, NOW, Budget()) == []
    approved = approve(kept, mine.id, "ann")
    assert (approved.state, approved.decided_by) == ("approved", "ann")
    assert [p.id for p in due(kept, NOW, Budget())] == [mine.id]
    started(kept, mine.id, "family:1")
    assert due(kept, NOW, Budget()) == []
    assert started(kept, mine.id, "family:1").run == "family:1"
    over(kept, mine.id, True, "two quants are public")
    over(kept, mine.id, True)
    assert state(kept, mine) == "over"
    assert told(kept) == [
        (
            "waiting",
            "Qwen/Qwen3-8B: a new base; it waits for your yes: everything asks (approval, watchlist.yaml:2): "
            f"`bot approve {mine.id}`",
        ),
        ("decided", f"Qwen/Qwen3-8B: ann approved {mine.id}"),
        ("started", "Qwen/Qwen3-8B: a new base; started"),
        ("published", "Qwen/Qwen3-8B: two quants are public"),
    ]


def test_what_a_rule_lets_start_needs_nobody(kept: Journal) -> None:
    """It is approved at once, by the rule; a failure is told as one."""
    mine = proposal()
    found = propose(kept, mine, START)
    assert found is not None
    assert (found.state, found.decided_by) == ("approved", decisions.BY_RULE)
    started(kept, mine.id, "family:1")
    over(kept, mine.id, False, "the disk is full")
    assert told(kept)[-1] == ("failed", "Qwen/Qwen3-8B: the disk is full")


@pytest.mark.parametrize("state_", ["waiting", "approved", "refused", "started", "over"])
def test_the_same_change_again_changes_nothing(kept: Journal, state_: str) -> None:
    """A sweep that sees it once more proposes it to nobody, whatever became of it."""
    mine = proposal()
    propose(kept, mine, ASK)
    if state_ == "refused":
        refuse(kept, mine.id, "ann")
    elif state_ != "waiting":
        approve(kept, mine.id, "ann")
        if state_ != "approved":
            started(kept, mine.id, "family:1")
        if state_ == "over":
            over(kept, mine.id, True)
    before = told(kept)
    propose(kept, mine, START)
    assert state(kept, mine) == state_
    assert told(kept) == before


def test_a_newer_change_takes_the_place_of_what_did_not_start(kept: Journal) -> None:
    """It inherits since when its base waits; what runs goes on; a patch does not push new weights out."""
    old, new = proposal(created_at=5.0), proposal(sha=NEW, created_at=99.0)
    first = propose(kept, old, ASK)
    second = propose(kept, new, START)
    assert first is not None
    assert second is not None
    assert state(kept, old) == "superseded"
    assert second.proposal.created_at == first.proposal.created_at
    with pytest.raises(UsageError, match="is superseded already"):
        approve(kept, old.id, "ann")

    patch = proposal(sha="d" * 40, action="patch")
    assert decisions.action_with_open(kept, patch.repo, "patch") == "make"
    propose(kept, patch, START)
    assert state(kept, new) == "approved"
    gone = proposal(sha="e" * 40, action="mark")
    propose(kept, gone, START)
    assert (state(kept, new), state(kept, patch)) == ("superseded", "superseded")
    started(kept, gone.id, "patch:1")
    propose(kept, proposal(sha="f" * 40), START)
    assert state(kept, gone) == "started"


def test_what_a_person_refused_is_not_proposed_again_for_that_revision(kept: Journal) -> None:
    """A new revision is a new question; `bot plan … --keep` asks again about the old one."""
    mine = proposal()
    propose(kept, mine, ASK)
    assert refuse(kept, mine.repo, "ann", "no room for it").proposal.said == "no room for it"
    assert decisions.standing(kept, mine).refused == "ann"
    again = verdict(mine, None, decisions.standing(kept, mine))
    assert again.outcome == "no"
    assert propose(kept, mine, again) is None
    assert decisions.standing(kept, proposal(sha=NEW)).refused == ""
    by_hand = propose(kept, mine, ASK, by_hand=True)
    assert by_hand is not None
    assert state(kept, mine) == "waiting"


def test_changed_terms_stay_a_question_until_somebody_says_yes(kept: Journal) -> None:
    """A freeze that is superseded by new weights makes those ask, whatever the rules would let start; the
    yes to them is a yes to the terms."""
    freeze = proposal(action="freeze")
    freeze = replace(freeze, plan=None, kind="license")
    propose(kept, freeze, verdict(freeze, None))
    weights = proposal(sha=NEW)
    found = decisions.standing(kept, weights)
    assert "nobody has said yes" in found.frozen
    asked = verdict(weights, None, found)
    assert (asked.outcome, asked.rule) == ("ask", "freeze")
    propose(kept, weights, asked)
    assert state(kept, freeze) == "superseded"
    assert decisions.standing(kept, proposal(sha="d" * 40)).frozen
    approve(kept, weights.id, "ann")
    assert decisions.standing(kept, proposal(sha="d" * 40)).frozen == ""


def test_what_waits_is_not_forgotten_when_the_terms_change(kept: Journal) -> None:
    """A yes to new terms does what waited for one before them: new weights, else new small files."""
    propose(kept, proposal("a/patched", action="patch"), ASK)
    propose(kept, proposal("a/made"), ASK)
    beside = {
        repo: decisions.action_with_open(kept, repo, "nothing", terms=True)
        for repo in ("a/patched", "a/made", "a/quiet")
    }
    assert beside == {"a/patched": "patch", "a/made": "make", "a/quiet": "nothing"}
    assert decisions.action_with_open(kept, "a/made", "nothing") == "nothing"


def test_a_yes_to_terms_alone_is_all_there_is_to_do(kept: Journal) -> None:
    """A freeze without anything to make is over with the yes; refused, the base stays frozen."""
    freeze = replace(proposal(action="freeze"), plan=None)
    propose(kept, freeze, verdict(freeze, None))
    assert approve(kept, freeze.id, "ann").state == "over"
    assert due(kept, NOW, Budget()) == []
    other = replace(proposal("a/b", action="freeze"), plan=None)
    propose(kept, other, verdict(other, None))
    refuse(kept, other.id, "ann")
    assert "refused by ann" in decisions.standing(kept, proposal("a/b", sha=NEW)).frozen


def test_a_plan_is_named_by_its_id_its_base_or_its_target(kept: Journal) -> None:
    """Upper and lower case are the same; of several the ids are said; of none, how to look."""
    mine = proposal()
    propose(kept, mine, ASK)
    for name in (mine.id, "qwen/qwen3-8b", "me/Qwen3-8B-q8-mlx"):
        assert decisions.find(kept, name).id == mine.id
    other = proposal("unsloth/Qwen3-8B")
    propose(kept, other, ASK)
    with pytest.raises(UsageError, match=f"name one by its id, .*{other.id}"):
        approve(kept, "me/Qwen3-8B-q8-mlx", "ann")
    with pytest.raises(NotFound, match="`bot plan` lists them"):
        approve(kept, "nobody/nothing", "ann")
    started_ = approve(kept, mine.id, "ann")
    started(kept, started_.id, "family:1")
    with pytest.raises(UsageError, match="is started already"):
        refuse(kept, mine.id, "ann")


def test_of_two_who_decide_at_once_one_wins(kept: Journal) -> None:
    """The page's yes and the terminal's no: one holds, the other is told so."""
    mine = proposal()
    propose(kept, mine, ASK)
    ready = threading.Barrier(2)
    outcomes: list[str] = []

    def say(what: str) -> None:
        ready.wait()
        try:
            outcomes.append((approve if what == "yes" else refuse)(kept, mine.id, what).state)
        except UsageError:
            outcomes.append("told")

    threads = [threading.Thread(target=say, args=(what,)) for what in ("yes", "no")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A no to what was approved a moment ago is a no too: then both were heard, one after the other.
    assert sorted(outcomes) in (["approved", "told"], ["refused", "told"], ["approved", "refused"])
    assert state(kept, mine) == ("refused" if "refused" in outcomes else "approved")


def test_the_most_wanted_starts_first_and_two_plans_of_one_base_never_together(kept: Journal) -> None:
    """What runs takes its share of disk and slots; the rest says what it waits for."""
    for repo, interest, size in (("a/known", 5.0, 60), ("a/unknown", 0.0, 60), ("a/small", 0.0, 10)):
        propose(kept, proposal(repo, interest=interest, estimate=Estimate(disk_bytes=size * GB)), START)
    budget = Budget(disk=Size(100 * GB))
    assert [p.repo for p in due(kept, NOW, budget)] == ["a/known", "a/small"]
    first = due(kept, NOW, budget, Room(slots=1))
    assert [p.repo for p in first] == ["a/known"]
    started(kept, first[0].id, "family:1")
    assert [p.repo for p in due(kept, NOW, budget)] == ["a/small"]
    propose(kept, proposal("a/known", sha=NEW), START)
    outlook = {p.repo: v for p, v in decisions.outlook(kept, NOW, Budget())}
    assert outlook["a/known"].why == "another plan of this base is under way"
    quiet = Budget(quiet=(QuietHours.parse(f"{NOW.hour:02}:00-{(NOW.hour + 2) % 24:02}:00"),))
    assert due(kept, NOW, quiet) == []


def test_an_edit_keeps_the_id_and_says_what_changed(kept: Journal) -> None:
    """What was decided meanwhile is not overwritten."""
    mine = proposal()
    before = propose(kept, mine, ASK)
    assert before is not None
    fresh = proposal(of=base(weights=GB))
    after = decisions.edited(kept, before, fresh, "ann", "without q4")
    assert after.proposal.created_at == before.proposal.created_at
    assert told(kept)[-1][1] == f"Qwen/Qwen3-8B: ann edited {mine.id}: without q4"
    refuse(kept, mine.id, "ben")
    with pytest.raises(UsageError, match="decided by somebody else"):
        decisions.edited(kept, before, fresh, "ann", "without q4")
