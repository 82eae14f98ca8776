"""The rules that let a proposal start or hold it: terms, size, approval, freeze. Pure.

What has to fit (disk, hours, storage) is `bot.plan.budget`'s; what time settles is the watch's.
"""

from __future__ import annotations

from typing import Literal

from bot.plan.proposal import Proposal
from bot.records import BaseRevision, Record
from bot.watch.watchlist import Entry

Outcome = Literal["start", "ask", "later", "no"]
"""start: when there is room.  ask: a person says yes first.  later: it is allowed, and does not fit now.
no: there is nothing to do, or somebody refused it."""


class Verdict(Record, frozen=True, kw_only=True):
    """What is to become of a proposal: by which rule, and why, in a sentence's end.

    `rule` is a word of the watchlist with its place (`approval, watchlist.yaml:14`), or the name of a rule
    that stands nowhere. `until`: Unix seconds when time alone may change it.
    """

    outcome: Outcome
    rule: str
    why: str
    until: float | None = None

    @property
    def told(self) -> str:
        """One line for people."""
        return f"{self.why} ({self.rule})"


class Standing(Record, frozen=True, kw_only=True):
    """What was decided about the base before. `frozen`: why it is, empty where it is not. `refused`: who
    refused just this sha, empty where nobody did."""

    frozen: str = ""
    refused: str = ""


def verdict(proposal: Proposal, entry: Entry | None, standing: Standing | None = None) -> Verdict:
    """Whether the proposal may start, needs a yes, or will not be done. `entry` None: nobody watches it, it
    was asked for by hand.

    What ends it comes first, then what every person would ask about, last the approval.
    """
    standing = standing or Standing()
    found = _over(proposal, standing) or _frozen(proposal, standing)
    if found is not None:
        return found
    if entry is None:
        return Verdict(outcome="ask", rule="by hand", why="its base is not on the watchlist")
    base = _base(proposal)
    if proposal.action == "make" and base is not None:
        found = terms(entry, base) or size(entry, base)
    return found or _approval(proposal, entry)


def _over(proposal: Proposal, standing: Standing) -> Verdict | None:
    if standing.refused:
        return Verdict(outcome="no", rule="refused", why=f"{standing.refused} refused this revision")
    if proposal.action == "nothing":
        return Verdict(outcome="no", rule="action", why="nothing that a quant is made of changed")
    if proposal.action == "freeze" or proposal.targets:
        return None
    if proposal.plan is not None and proposal.plan.quants:
        quant = next((q for q in proposal.plan.quants if q.action == "foreign"), proposal.plan.quants[0])
        return Verdict(outcome="no", rule="published", why=quant.why)
    if proposal.patch is not None and proposal.patch.left:
        left = proposal.patch.left[0]
        return Verdict(outcome="no", rule="left alone", why=f"{left.repo}: {left.why}")
    return Verdict(outcome="no", rule="published", why="there is no quant that it is about")


def _frozen(proposal: Proposal, standing: Standing) -> Verdict | None:
    if proposal.action == "freeze":
        return Verdict(
            outcome="ask",
            rule="freeze",
            why="its license or gating changed: read its page before you say yes",
        )
    if standing.frozen and proposal.action in ("make", "patch"):
        return Verdict(outcome="ask", rule="freeze", why=standing.frozen)
    return None


def terms(entry: Entry, base: BaseRevision) -> Verdict | None:
    """What of the base's terms needs a person's yes, or None."""
    rule = _placed(entry, "accept")
    if base.gated and "gated" not in entry.accept:
        return Verdict(
            outcome="ask",
            rule=rule,
            why="it is gated: say yes only if its terms allow publishing quants (for all such bases: "
            "`accept: [gated]`)",
        )
    if not base.license and "no-license" not in entry.accept:
        return Verdict(
            outcome="ask",
            rule=rule,
            why="it names no license: say yes only if its author allows publishing quants (for all such "
            "bases: `accept: [no-license]`)",
        )
    return None


def size(entry: Entry, base: BaseRevision) -> Verdict | None:
    """Whether the base's weights are larger than the watchlist takes without asking, or None."""
    if entry.max_size is None or base.weight_bytes <= entry.max_size:
        return None
    return Verdict(
        outcome="ask",
        rule=_placed(entry, "max_size"),
        why=f"it weighs {gb(base.weight_bytes)}, more than {gb(entry.max_size)}",
    )


def _approval(proposal: Proposal, entry: Entry) -> Verdict:
    rule = _placed(entry, "approval")
    base = _base(proposal)
    assert base is not None, "what has a target has a base"
    if entry.approval == "ask":
        return Verdict(outcome="ask", rule=rule, why="everything asks")
    author = entry.repo.split("/", 1)[0]
    if entry.auto_authors and author.lower() not in (name.lower() for name in entry.auto_authors):
        return Verdict(outcome="ask", rule=rule, why=f"{author} is not among `auto_authors`")
    # A patch brings small files into quants that are there: the weights' size says nothing about it.
    heavy = proposal.action == "make" and entry.auto_up_to is not None
    if heavy and base.weight_bytes > (entry.auto_up_to or 0):
        return Verdict(
            outcome="ask",
            rule=rule,
            why=f"it weighs {gb(base.weight_bytes)}, more than `auto_up_to` {gb(entry.auto_up_to or 0)}",
        )
    return Verdict(outcome="start", rule=rule, why="it may be made without asking")


def _base(proposal: Proposal) -> BaseRevision | None:
    if proposal.plan is not None:
        return proposal.plan.base
    return proposal.patch.base if proposal.patch is not None else None


def _placed(entry: Entry, setting: str) -> str:
    """`approval, watchlist.yaml:14`; the default stands nowhere."""
    return f"{setting}, {entry.lines[setting]}" if setting in entry.lines else f"{setting}, by default"


def gb(size: int) -> str:
    """Bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
