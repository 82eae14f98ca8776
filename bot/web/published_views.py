"""What was published, with what was measured of it: pure, from the results of finished runs."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from bot.measure.statistics import says_nothing
from bot.records import FamilyResult, Measurement, Outcome
from bot.web.views import FamilyView, QuantView, ScoreView

SHOWN = ("published", "already", "private")


def family_view(run: str, result: FamilyResult, at: float, endpoint: str) -> FamilyView | None:
    """What came of one base; None where nothing of it is on the Hub."""
    out = [outcome for outcome in result.outcomes if outcome.status in SHOWN]
    if not out:
        return None
    measured = [outcome.measurement for outcome in out if outcome.measurement is not None]
    return FamilyView(
        run=run,
        base=result.base,
        url=f"{endpoint}/{result.base}",
        sha=result.base_sha,
        at=at,
        device=measured[0].device if measured else "",
        tasks=_tasks(measured),
        baseline=_baseline(result, endpoint),
        quants=tuple(_quant(outcome, endpoint) for outcome in out),
    )


def newest_families(found: Iterable[FamilyView], limit: int) -> tuple[FamilyView, ...]:
    """One a base's revision, the newest first; quants of several runs of it stand together."""
    kept: dict[tuple[str, str], FamilyView] = {}
    for family in sorted(found, key=lambda family: family.at, reverse=True):
        newer = kept.get((family.base, family.sha))
        kept[family.base, family.sha] = family if newer is None else _together(newer, family)
    return tuple(list(kept.values())[:limit])


def _together(newer: FamilyView, older: FamilyView) -> FamilyView:
    """Both runs' quants; of one that is in both, the newer word, unless only the older one measured it."""
    quants = {quant.repo: quant for quant in older.quants}
    for quant in newer.quants:
        known = quants.get(quant.repo)
        if known is None or quant.size is not None or known.size is None:
            quants[quant.repo] = quant
    return replace(
        newer,
        quants=tuple(quants.values()),
        tasks=tuple(dict.fromkeys((*newer.tasks, *older.tasks))),
        baseline=newer.baseline or older.baseline,
        device=newer.device or older.device,
    )


def _tasks(measured: Iterable[Measurement]) -> tuple[str, ...]:
    """The tasks of all of them, in the order in which they were asked."""
    return tuple(dict.fromkeys(score.task for one in measured for score in one.tasks))


def _baseline(result: FamilyResult, endpoint: str) -> QuantView | None:
    found = result.base_measurement
    if found is None:
        return None
    return _measured(result.base, f"{endpoint}/{result.base}", "base", "base", found)


def _quant(outcome: Outcome, endpoint: str) -> QuantView:
    url = outcome.published.url if outcome.published is not None else f"{endpoint}/{outcome.repo}"
    return _measured(
        outcome.repo, url, outcome.recipe, outcome.status, outcome.measurement, error=outcome.error
    )


def _measured(
    repo: str, url: str, recipe: str, status: str, found: Measurement | None, error: str | None = None
) -> QuantView:
    if found is None:
        return QuantView(repo=repo, url=url, recipe=recipe, status=status, error=error)
    perplexity, kl, speed = found.perplexity, found.divergence, found.speed
    return QuantView(
        repo=repo,
        url=url,
        recipe=recipe,
        status=status,
        bits=found.bits_per_weight,
        size=found.size_bytes,
        perplexity=perplexity.value if perplexity is not None else None,
        perplexity_error=perplexity.stderr if perplexity is not None else None,
        kl=kl.mean if kl is not None else None,
        speed=speed.generation_tps if speed is not None else None,
        memory=found.peak_memory_bytes,
        scores=tuple(
            ScoreView(task=s.task, value=s.value, stderr=s.stderr, n=s.n, nothing=says_nothing(s))
            for s in found.tasks
        ),
        error=error,
    )
