"""Proposals for tests: of a base, its weights and its quants, as small as they can be."""

from __future__ import annotations

from bot.patch.patch import Patch
from bot.plan.action import Action
from bot.plan.proposal import Estimate, Proposal, proposal_id
from bot.records import BaseRevision, Plan, PlannedQuant, RepoFile

GB = 10**9
SHA = "a" * 40


def base(repo: str = "Qwen/Qwen3-8B", sha: str = SHA, weights: int = 16 * GB, **more: object) -> BaseRevision:
    """A base with a license and one file of weights."""
    known: dict[str, object] = {
        "license": "apache-2.0",
        "files": (RepoFile(path="model.safetensors", size=weights),),
    }
    return BaseRevision(repo=repo, sha=sha, **(known | more))  # type: ignore[arg-type]  # as each test says


def planned(of: BaseRevision, *recipes: str, **more: object) -> Plan:
    """A plan to make these recipes, a gigabyte each, at the account `me`."""
    quants = tuple(
        PlannedQuant(
            recipe=name,
            recipe_hash=name,
            repo=f"me/{of.name}-{name}-mlx",
            predicted_bytes=GB,
            bits_per_weight=8.5,
        )
        for name in recipes or ("q8",)
    )
    known: dict[str, object] = {"account": "me", "endpoint": "http://hub", "quants": quants, "recipes": ()}
    return Plan(base=of, **(known | more))  # type: ignore[arg-type]  # as each test says


def proposal(
    repo: str = "Qwen/Qwen3-8B",
    sha: str = SHA,
    action: Action = "make",
    *,
    of: BaseRevision | None = None,
    interest: float = 0.0,
    created_at: float = 0.0,
    estimate: Estimate | None = None,
) -> Proposal:
    """A proposal to make one quant of the base (or to patch it), in a few words."""
    of = of or base(repo, sha)
    target = (f"me/{of.name}-q8-mlx",)
    patch = Patch(
        base=of, before="b" * 40, kind="tokenizer", account="me", endpoint="http://hub", repos=target
    )
    return Proposal(
        id=proposal_id(repo, sha, action),
        action=action,
        repo=repo,
        sha=sha,
        kind="new",
        why="a new base",
        plan=planned(of) if action == "make" else None,
        patch=patch if action in ("patch", "mark") else None,
        interest=interest,
        created_at=created_at,
        estimate=estimate or Estimate(),
    )
