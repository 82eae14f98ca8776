"""The review that a language model writes, where the plan asks for one: its claims checked, or not there."""

from __future__ import annotations

from msgspec.structs import replace

from bot import settings
from bot.card.board import board
from bot.card.facts import Block, Facts, ModelReview
from bot.records import Review
from bot.review.claims import check
from bot.review.llm import Reviewed, write
from bot.steps.job import Job, asked_to_stop, say


def with_review(job: Job, facts: Facts, computed: Review) -> Facts:
    """The facts with what the model wrote; as they are where the plan names none, or nothing usable came.

    What was left out, and why nothing came, stands in the run's log. Raises Cancelled only.
    """
    wanted = job.plan.review
    if wanted is None or job.measuring:
        return facts
    found = write(
        facts,
        board(facts),
        wanted,
        check=check,
        log=lambda told: say(job, "review", f"{job.quant.repo}: {told}"),
        narrative=(computed.verdict, *computed.sentences),
        templates=settings.from_environment().templates,
        child_log=settings.from_environment().run_folder(job.family) / "log.txt",
        cancelled=asked_to_stop,
    )
    return facts if found is None else replace(facts, review=_on_card(found))


def _on_card(found: Reviewed) -> ModelReview:
    return ModelReview(
        model=found.model,
        blocks=tuple(Block(kind=block.kind, text=block.text) for block in found.blocks),
        statements=found.checked.statements,
        true=found.checked.true,
        not_checkable=found.checked.not_checkable,
    )
