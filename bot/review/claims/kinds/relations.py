"""Comparisons in words alone: `beats bf16 on A and B`, `slightly lower`, `near-identical to q8`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work, metric_of
from bot.review.claims.clause import parties
from bot.review.claims.context import Sides, of, sides
from bot.review.claims.findings import Reading, negated, together
from bot.review.claims.judge import any_task, readings, related, turned
from bot.review.claims.metrics import MEAN, SIZE
from bot.review.claims.tally import most, nowhere, overall
from bot.review.claims.words import Relation

_ADJECTIVES = frozenset(
    [
        "higher",
        "greater",
        "lower",
        "fewer",
        "less",
        "better",
        "worse",
        "stronger",
        "weaker",
        "superior",
        "inferior",
        "smaller",
        "larger",
        "bigger",
        "faster",
        "slower",
        "same",
        "equal",
        "identical",
        "similar",
        "comparable",
        "equivalent",
        "ahead",
        "up",
        "down",
        "above",
        "below",
        "behind",
        "lighter",
        "heavier",
        "unchanged",
        "close",
        "reduced",
        "raised",
        "improved",
        "improvement",
    ]
)
# What may follow an adjective that compares scores; "higher precision", "better poems" compare other things.
_GOES_ON = re.compile(
    r"[\s\"')]*(?:$|[,.;:!?(/|\u2014\u2013-]|(?:than|on|in|at|for|by|with|to|from|as|across|and|or|overall|vs\.?|over|against|when|"
    r"scores?|results?|accuracy|performance|perplexity|average|mean|numbers|everywhere|of|the|its|all|is|are|while|here|"
    r"throughput|speed|size|footprint|there|again|only|among|between|both|compared|relative|tok|tokens)\b)",
    re.IGNORECASE,
)
_FIRST_WORDS = re.compile(
    r"\b(?:and|but|while|whereas|also|even|still|then|so|in|on|at|the|a|an|of|for|to|there|is|are|was|that|by|more|most|not|you|you'll|will|"
    r"has|have|with|just|it|its|only|however|overall|finally|here|both|all|because|since|which|when|where|this|these)\b",
    re.IGNORECASE,
)
_FAMILY = re.compile(r"\b(?:family|families|siblings?|quants?)\b", re.IGNORECASE)
_PLAIN_WORD = re.compile(r"[A-Za-z]{2,}")
# It improves by itself: over an earlier state, which nobody names.
_ON_ITS_OWN = re.compile(
    r"improv|gain|benefit|regress|degrad|suffer|g[ai]v|worsen|add|boost|uplift", re.IGNORECASE
)
_PASSIVE = re.compile(
    r"\b(?:is|are|was|were|be|been|being|gets|got)(?: (?:not|never|only|even))? $", re.IGNORECASE
)
# What may follow a verb that is said of everybody: "it never loses." is, "it never loses much" is not.
_ENDS = re.compile(
    r"\s*(?:$|[,.;:!)\u2014\u2013-]|(?:on|in|to|against|and|or|here|there|across|by)\b)", re.IGNORECASE
)
_Judged = Callable[[Model, Sequence[Model]], Reading]


def find(work: Work) -> Iterator[Claim]:
    """Relations that no number has taken."""
    for index in list(work.free()):
        token = work.clause.tokens[index]
        if index in work.taken or token.relation is None or _of_something_else(work, index):
            continue
        if _only_points(work, index):
            continue
        made = _claim(work, index, token.relation)
        if made is not None:
            yield made


def _only_points(work: Work, index: int) -> bool:
    """An arrow in front of words that say the same."""
    tokens = work.clause.tokens
    if work.clause.text[tokens[index].start] not in "\u2191\u2193" or index + 1 >= len(tokens):
        return False
    return tokens[index + 1].relation is not None or tokens[index + 1].kind("strength")


def _of_something_else(work: Work, index: int) -> bool:
    """`higher precision`, `better poems`, `lost in translation`: no comparison of what the board knows."""
    token = work.clause.tokens[index]
    text = work.clause.text
    assert token.relation is not None
    last = re.split(r"[\s-]", text[token.start : token.end].lower())[-1]
    if last in ("above", "below") and not _placed(work, index):
        return True
    if last not in _ADJECTIVES and not token.relation.noun:
        return _foreign(work, index)
    after = work.clause.tokens[index + 1] if index + 1 < len(work.clause.tokens) else None
    adjacent = after is not None and not work.clause.between(token, after).strip(" -(")
    if (
        adjacent
        and after is not None
        and (after.tasks or after.kind("performance", "metric") or after.quantity or after.is_model)
    ):
        return False
    return _GOES_ON.match(text[token.end : min(token.end + 40, work.clause.end)]) is None


def _placed(work: Work, index: int) -> bool:
    """`just above that of bf16`, not `the table below`."""
    tokens = work.clause.tokens
    if index + 1 >= len(tokens) or len(work.clause.between(tokens[index], tokens[index + 1]).split()) > 2:
        return False
    return tokens[index + 1].is_model or tokens[index + 1].kind("link", "group")


def _foreign(work: Work, index: int) -> bool:
    """A verb whose subject is none of the board's: `precision in these layers improved ARC Easy`."""
    before = work.clause.tokens[:index]
    if any(
        t.is_model or t.tasks or t.superlative or t.kind("pronoun", "group", "metric", "performance")
        for t in before
    ):
        return False
    words = _FIRST_WORDS.sub(" ", work.clause.text[work.clause.start : work.clause.tokens[index].start])
    unknown = [word for word in _PLAIN_WORD.findall(words) if not word.endswith("ly")]
    return len(unknown) >= 2


def _claim(work: Work, index: int, relation: Relation) -> Claim | None:
    metric = metric_of(relation, work.metric())
    who = sides(work.scale, work.clause, work.context, index)
    relation = _as_said(work, index, relation, who)
    if any(party.group == "nobody" and party.first < index for party in parties(work.clause)):
        return _nobody(work, index, relation, metric, who)
    if _object_unsaid(work, index, relation) or (relation.sign and len(who.subjects) > 1 and not who.rivals):
        return None  # "beats it", "both improve": over whom is not said
    denied = not metric and not work.groups and work.nowhere(index)
    if (
        denied
        and not who.named
        and not _ENDS.match(work.clause.text[work.clause.tokens[index].end : work.clause.end])
    ):
        return None
    everyone = not who.named and (denied or _of_everyone(work, index, relation, metric))
    if everyone and who.everyone:
        who = replace(who, rivals=who.everyone)
    judged = (
        _nowhere(work, relation) if denied else _judged(work, index, relation, metric, who, everyone=everyone)
    )
    if judged is None or not (who.rivals or len(who.subjects) > 1 or who.unknown):
        return None
    if who.unknown:
        found = [Reading(holds=None, why="it speaks of a model that these facts do not have")]
    else:
        found = readings(who.subjects, who.rivals, judged)
    found = turned(found, negative=not denied and work.negative(index))
    if relation.soft:
        found = [replace(each, holds=True if each.holds else None) for each in found]
    first, last = _span(work, index, who)
    taken = set(work.taken)
    made = work.claim(first, last, found, paired=True)
    work.taken = taken | {index}
    return made


def _nowhere(work: Work, relation: Relation) -> _Judged:
    return lambda mine, theirs: nowhere(work.scale, mine, theirs, relation)


def _of_everyone(work: Work, index: int, relation: Relation, metric: str) -> bool:
    """`it leads in all tasks`: ahead of whom is not said, so of all the others."""
    token = work.clause.tokens[index]
    if metric or work.groups or work.quantifier() != "all" or relation.axis != "quality" or relation.soft:
        return False
    return relation.sign != 0 and not _ON_ITS_OWN.match(work.clause.text, token.start)


def _object_unsaid(work: Work, index: int, relation: Relation) -> bool:
    after = work.clause.tokens[index + 1] if index + 1 < len(work.clause.tokens) else None
    if not relation.direct or after is None or not after.kind("pronoun"):
        return False
    pronoun = work.clause.text[after.start : after.end].lower() == "it"
    return pronoun and not work.clause.between(work.clause.tokens[index], after).strip()


def _nobody(work: Work, index: int, relation: Relation, metric: str, who: Sides) -> Claim | None:
    """`no other quant has a higher score on A`, `nothing beats it on A or B`: true of none of the others."""
    board = work.scale.board
    named = [
        m
        for party in parties(work.clause)
        if party.models and party.rival
        for m in of(work.scale, party.models)
    ]
    mine = (named or list(of(work.scale, work.context.subjects)) or [board.subject])[0]
    group = work.tasks_for(index)
    metrics = group.tasks if group else (metric,) if metric else work.context.tasks
    if not metrics:
        return None
    family = _FAMILY.search(work.clause.text, work.clause.start, work.clause.end) is not None
    others = [m for m in board.models if m is not mine and not (family and m.role == "rival")]
    parts = []
    for metric_ in metrics:
        for other in others:
            reading = related(work.scale, other, [mine], (metric_,), relation)
            if reading.holds is not None:
                parts.append(negated(reading))
    whole = together(parts)
    return work.claim(*_span(work, index, who), [whole] if whole else [])


def _as_said(work: Work, index: int, relation: Relation, who: Sides) -> Relation:
    """With what stands beside it: slightly, massive; turned round by `is beaten by`."""
    strength = work.strength(index)
    if strength and relation.sign and relation.strength in ("", "slight", "big"):
        relation = replace(relation, strength="big" if strength == "big" else "slight")
    if _is_done_to(work, index, relation):
        relation = replace(relation, sign=-relation.sign)
    if (
        who.passive
        and relation.direct
        and index + 1 < len(work.clause.tokens)
        and work.clause.tokens[index + 1].kind("by")
    ):
        relation = replace(relation, sign=-relation.sign)
    return relation


def _is_done_to(work: Work, index: int, relation: Relation) -> bool:
    """`it is beaten here`: by whom is not said."""
    token, text = work.clause.tokens[index], work.clause.text
    after = work.clause.tokens[index + 1] if index + 1 < len(work.clause.tokens) else None
    if not relation.direct or (after is not None and (after.is_model or after.kind("by", "group"))):
        return False
    done = text[token.start : token.end].lower().endswith(("ed", "en", "done"))
    return done and _PASSIVE.search(text, max(work.clause.start, token.start - 16), token.start) is not None


def _judged(
    work: Work, index: int, relation: Relation, metric: str, who: Sides, *, everyone: bool = False
) -> _Judged | None:
    """How the claim is judged by what it speaks of; None where it speaks of nothing that can be compared."""
    scale = work.scale
    if metric == SIZE and relation.axis not in ("size", "value"):
        return None
    if metric and metric != MEAN:
        if not _about(work, index, metric, relation):
            return None
        return lambda mine, theirs: related(scale, mine, theirs, (metric,), relation)
    quantifier = work.quantifier()
    group = work.tasks_for(index)
    if quantifier == "else" and _own_tasks(work, index):
        quantifier = ""
    if quantifier == "except" and _behind_exception(work, index):
        quantifier = ""
    if quantifier == "except":
        kept = tuple(task for task in scale.tasks if task not in work.excluded())
        if not work.excluded():
            return None
        return lambda mine, theirs: related(scale, mine, theirs, _held(mine, theirs, kept), relation)
    if quantifier == "else":
        said = {task for token in (*work.clause.earlier, *work.clause.tokens) for task in token.tasks}
        rest = tuple(
            task for task in scale.tasks if task not in (said or work.context.tasks or work.context.said)
        )
        return lambda mine, theirs: related(scale, mine, theirs, _held(mine, theirs, rest), relation)
    if group is not None:
        judge = any_task if group.loose else related
        return lambda mine, theirs: judge(scale, mine, theirs, group.tasks, relation)
    if quantifier == "all" and (
        who.named or everyone or relation.strength == "close" or work.clause.has("performance")
    ):
        return lambda mine, theirs: related(scale, mine, theirs, _held(mine, theirs, scale.tasks), relation)
    if quantifier == "most":
        return lambda mine, theirs: most(scale, mine, theirs, relation)
    if metric == MEAN:
        return lambda mine, theirs: related(scale, mine, theirs, (MEAN,), relation)
    if work.context.tasks and not relation.soft and not work.context.borrowed:
        judge = any_task if work.context.loose else related
        return lambda mine, theirs: judge(scale, mine, theirs, work.context.tasks, relation)
    if (
        who.named
        and relation.axis in ("quality", "value")
        and (relation.direct or work.clause.has("performance"))
    ):
        return lambda mine, theirs: overall(scale, mine, theirs, relation)
    return None


def _behind_exception(work: Work, index: int) -> bool:
    """`on all tasks except A, where B is worse`: the second relation is about A."""
    return any(t.word is not None and t.word.value == "except" for t in work.clause.tokens[:index])


def _own_tasks(work: Work, index: int) -> bool:
    """`beats q8 on A and loses everywhere else`: the first of the two relations has tasks of its own."""
    rest = next(i for i, t in enumerate(work.clause.tokens) if t.word is not None and t.word.value == "else")
    return any(index < group.first < rest for group in work.groups)


def _about(work: Work, index: int, metric: str, relation: Relation) -> bool:
    """A metric counts for the relation where its word stands near, or the relation itself names it."""
    if relation.axis in ("size", "speed"):
        return True
    return not work.groups or any(
        abs(other - index) <= 3 for other, token in enumerate(work.clause.tokens) if token.kind("metric")
    )


def _held(mine: Model, theirs: Sequence[Model], tasks: Sequence[str]) -> tuple[str, ...]:
    """Of these tasks those that all have: `all tasks` means all that were measured."""
    return tuple(task for task in tasks if all(task in model.scores for model in (mine, *theirs)))


def _span(work: Work, index: int, who: Sides) -> tuple[int, int]:
    """From the relation over its tasks and rivals, with a subject that stands right before it."""
    first = last = index
    for party in parties(work.clause):
        if party.rival and party.first > index:
            last = max(last, party.last)
        elif not party.rival and 0 < index - party.last <= 2 and party.last < index:
            first = min(first, party.first)
    group = work.tasks_for(index)
    if group is not None:
        if group.first > index and not any(t.quantity for t in work.clause.tokens[last + 1 : group.first]):
            last = max(last, group.last)
        elif group.last < index and not any(t.quantity for t in work.clause.tokens[group.last : index]):
            first = min(first, group.first)
    for other in range(index + 1, len(work.clause.tokens)):
        if work.clause.tokens[other].kind("tasks"):
            last = max(last, other)
    if any(work.clause.tokens[i].quantity for i in range(first, last + 1) if i in work.taken):
        inner = [i for i in range(first, last + 1) if i not in work.taken or i == index]
        first = min(i for i in inner if all(j not in work.taken for j in range(i, index)))
    return first, last
