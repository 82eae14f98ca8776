"""A plan that waits, changed by a person and predicted anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from msgspec.structs import replace

from bot.errors import UsageError
from bot.huggingface import HubDoor
from bot.plan.build import weighed
from bot.plan.decide import Wishes
from bot.plan.estimate import PastRun
from bot.plan.make import make_plan
from bot.plan.past import machine_of
from bot.plan.proposal import Proposal
from bot.publish.account import writable
from bot.recipes.book import Book
from bot.records import Plan, Recipe, Record
from bot.settings import Settings


class Edit(Record, frozen=True, kw_only=True):
    """What is to be otherwise; None: as it is. `recipes` are all there shall be, `add` and `leave_out` change
    what there is."""

    recipes: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    account: str | None = None
    staging: str | None = None
    early: bool | None = None
    keep_private: bool | None = None

    @property
    def told(self) -> str:
        """In a few words, for the timeline."""
        words = [f"recipes {', '.join(self.recipes)}"] if self.recipes else []
        words += [f"with {', '.join(self.add)}"] if self.add else []
        words += [f"without {', '.join(self.leave_out)}"] if self.leave_out else []
        words += [f"at {self.account}"] if self.account else []
        words += [f"staging {self.staging}"] if self.staging else []
        if self.early is not None:
            words.append("published early" if self.early else "published when verified")
        if self.keep_private is not None:
            words.append("kept private" if self.keep_private else "made public")
        return ", ".join(words)


def edited_plan(
    door: HubDoor, settings: Settings, book: Book, proposal: Proposal, edit: Edit, past: Sequence[PastRun]
) -> Proposal:
    """The proposal with the edit, looked up and predicted anew: the same base revision, the same id.

    Raises UsageError for an edit that says nothing, that leaves nothing, or of what has no plan; NotAllowed
    where the token may not write to the account; and what `make_plan` raises.
    """
    if not edit.told:
        raise UsageError("an edit says what is to be otherwise: see `bot plan edit --help`")
    if proposal.plan is None:
        raise UsageError(f"{proposal.id} makes no quants, there is nothing to edit: approve or refuse it")
    wishes = _wishes(proposal.plan, book, edit)
    writable(door, wishes.account)
    plan = make_plan(
        door, settings, proposal.repo, proposal.sha, wishes, why=proposal.plan.why, terms="later"
    )
    if not plan.to_make():
        raise UsageError(
            f"with that edit {proposal.id} would make nothing ({plan.quants[0].why}): refuse it instead"
        )
    fresh = weighed(plan, past, machine_of(settings), action=proposal.action, kind=proposal.kind)
    return replace(
        proposal, plan=plan, estimate=fresh.estimate, need=replace(fresh.need, tags=proposal.need.tags)
    )


def _wishes(plan: Plan, book: Book, edit: Edit) -> Wishes:
    """What the plan was made from, with the edit laid over."""
    early = plan.publish if edit.early is None else "early" if edit.early else "verified"
    if edit.staging not in (None, "private", "branch"):
        raise UsageError(f"--staging {edit.staging!r} is neither private nor branch")
    staging = cast(Literal["private", "branch"], edit.staging or plan.staging)
    return Wishes(
        recipes=_recipes(plan, book, edit),
        account=edit.account or plan.account,
        collections=plan.collections,
        measure=plan.measure,
        gate=plan.gate,
        review=plan.review,
        publish=early,
        compare_with=plan.compare_with,
        staging=staging,
        keep_private=plan.keep_private if edit.keep_private is None else edit.keep_private,
        rehearsal=plan.rehearsal,
        text_only=plan.text_only,
    )


def _recipes(plan: Plan, book: Book, edit: Edit) -> tuple[Recipe, ...]:
    """The plan's recipes as they were, those asked for as they are now, without those left out."""
    there = {recipe.name: recipe for recipe in plan.recipes}
    unknown = [name for name in edit.leave_out if name not in there]
    if unknown:
        raise UsageError(f"{unknown[0]} is not in this plan, it has {', '.join(there)}")
    kept = [r for name, r in there.items() if name not in edit.leave_out and not edit.recipes]
    asked = [there.get(name) or book.parse(name) for name in (*edit.recipes, *edit.add)]
    found = {recipe.name: recipe for recipe in (*kept, *asked)}
    if not found:
        raise UsageError("that leaves no recipe: `bot refuse` says no to the whole plan")
    return tuple(found.values())
