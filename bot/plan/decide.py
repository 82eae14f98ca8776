"""Deciding a plan: pure functions from what was looked up to what will be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from bot.errors import UnsuitableBase, UsageError
from bot.publish.ledger import OnHub
from bot.recipes import Prediction
from bot.records import BaseRevision, GateSettings, MeasureSettings, Plan, PlannedQuant, Recipe, Record
from bot.review_settings import ReviewSettings

NAME_LENGTH = 96
"""The Hub's longest repo name."""

Acceptable = Literal["gated", "no-license"]


class Wishes(Record, frozen=True, kw_only=True):
    """What was asked for: by the watchlist's entry, the command line, or both."""

    recipes: tuple[Recipe, ...]
    account: str
    collections: tuple[str, ...] = ("{base} MLX quants", "{author} on MLX")
    measure: MeasureSettings = MeasureSettings()
    gate: GateSettings = GateSettings()
    review: ReviewSettings | None = None
    publish: Literal["verified", "early"] = "verified"
    compare_with: tuple[str, ...] = ()
    staging: Literal["private", "branch"] = "private"
    keep_private: bool = False
    accepted: tuple[str, ...] = ()
    rehearsal: bool = False
    text_only: bool = False


def repo_name(account: str, base: str, recipe: str, *, text_only: bool) -> str:
    """`<account>/<Base>-<recipe>-mlx`; a quant that leaves a vision tower out says `-text` in its name.

    Raises UsageError when the Hub would refuse the length.
    """
    return f"{account}/{quant_name(base.split('/', 1)[1], recipe, text_only=text_only)}"


def quant_name(base: str, recipe: str, *, text_only: bool) -> str:
    """The quant's name without an account. Raises UsageError when the Hub would refuse the length."""
    name = f"{base}{'-text' if text_only else ''}-{recipe}-mlx"
    if len(name) > NAME_LENGTH:
        raise UsageError(f"{name} has {len(name)} characters, the Hub allows {NAME_LENGTH}")
    return name


def unsuitable(base: BaseRevision) -> str | None:
    """Why this base can never be made from its files alone, or None."""
    names = [f.path for f in base.files]
    if "config.json" not in names:
        return f"{base.repo} has no config.json: it is no model that mlx-lm could load"
    if any(name.endswith(".safetensors") for name in names):
        return None
    if any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in names):
        return f"{base.repo} has its weights as pickle only: ask its author for safetensors"
    return f"{base.repo} has no weights in safetensors"


def needs(base: BaseRevision, accepted: Sequence[str]) -> tuple[str, ...]:
    """What a person has to say yes to before anything is made of this base."""
    open_: list[str] = []
    if base.gated and "gated" not in accepted:
        open_.append(
            f"{base.repo} is gated: if its terms allow publishing quants, say so with --accept gated"
        )
    if not base.license and "no-license" not in accepted:
        open_.append(
            f"{base.repo} names no license: if its author allows publishing quants, say so with "
            "--accept no-license"
        )
    return tuple(open_)


def action_for(standing: OnHub, base_sha: str, recipe_hash: str, *, keep_private: bool) -> tuple[str, str]:
    """What to do about one target repo, and why in a few words."""
    if standing.stopped(base_sha, recipe_hash):
        return "stopped", f"the gate stopped it: `bot approve {standing.repo}` makes it public nonetheless"
    if standing.standing in ("absent", "empty"):
        return "make", "it is not on the Hub yet"
    if standing.standing == "foreign":
        return "foreign", "a repo of this name is there and was not made by this bot: it is left as it is"
    if not standing.holds(base_sha, recipe_hash):
        return "update", "it was made from another revision or recipe"
    if standing.private and keep_private:
        return "waiting", "it is there, private: `bot release` makes it public"
    if standing.private:
        return "make", "it is there, private, and not released yet"
    if standing.manifest is not None and standing.manifest.measuring:
        return "update", "it is published, and its tasks were not measured to the end"
    return "published", "it is published from this revision and recipe already"


def collection_titles(templates: Sequence[str], base: BaseRevision) -> tuple[str, ...]:
    """Titles with `{base}` and `{author}` filled in. Raises UsageError for another placeholder."""
    author, name = base.repo.split("/", 1)
    try:
        return tuple(dict.fromkeys(t.format(base=name, author=author) for t in templates))
    except (KeyError, IndexError, ValueError) as error:
        raise UsageError(
            f"a collection's title may hold {{base}} and {{author}} only, not {error}"
        ) from error


def decide(
    base: BaseRevision,
    wishes: Wishes,
    predictions: Sequence[Prediction],
    standings: Mapping[str, OnHub],
    *,
    endpoint: str,
    text_only: bool,
    why: str = "",
) -> Plan:
    """The plan for one base revision. `standings` maps each target repo to how it stands on the Hub.

    Raises UnsuitableBase for a base that can never be made.
    """
    reason = unsuitable(base)
    if reason is not None:
        raise UnsuitableBase(reason)
    quants = []
    for prediction in predictions:
        repo = repo_name(wishes.account, base.repo, prediction.recipe.name, text_only=text_only)
        action, because = action_for(
            standings[repo], base.sha, prediction.recipe.hash, keep_private=wishes.keep_private
        )
        quants.append(
            PlannedQuant(
                recipe=prediction.recipe.name,
                recipe_hash=prediction.recipe.hash,
                repo=repo,
                predicted_bytes=prediction.bytes,
                bits_per_weight=prediction.bits_per_weight,
                action=action,  # type: ignore[arg-type]  # the literals of PlannedQuant.action
                why=because,
            )
        )
    to_make = [q.predicted_bytes for q in quants if q.action in ("make", "update")]
    return Plan(
        base=base,
        account=wishes.account,
        endpoint=endpoint,
        quants=tuple(quants),
        recipes=tuple(prediction.recipe for prediction in predictions),
        collections=collection_titles(wishes.collections, base),
        measure=wishes.measure,
        gate=wishes.gate,
        review=wishes.review,
        publish=wishes.publish,
        compare_with=wishes.compare_with,
        staging=wishes.staging,
        keep_private=wishes.keep_private,
        rehearsal=wishes.rehearsal,
        text_only=text_only,
        # The base, each quant, and each quant's copy downloaded back (one at a time).
        disk_bytes=base.weight_bytes + sum(to_make) + max(to_make, default=0),
        why=why,
    )
