"""Comparisons in words alone: `beats bf16 on A and B`, `slightly lower`, `near-identical to q8`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from bot.review.claims.claim import Claim, Work, metric_of
from bot.review.claims.context import of
from bot.review.claims.findings import Reading, negated, together
from bot.review.claims.judge import readings, related, turned
from bot.review.claims.metrics import LOWER_IS_BETTER
from bot.review.claims.no_comparison import is_action, is_epithet, of_something_else, only_points
from bot.review.claims.parties import parties
from bot.review.claims.scope import Judged, judged_by
from bot.review.claims.sides import Sides, sides
from bot.review.claims.tally import nowhere
from bot.review.claims.words import Relation

_FAMILY = re.compile(r"\b(?:family|families|siblings?|quants?)\b", re.IGNORECASE)
# It improves by itself: over an earlier state, which nobody names.
_ON_ITS_OWN = re.compile(
    r"improv|gain|benefit|regress|degrad|suffer|g[ai]v|worsen|add|boost|uplift", re.IGNORECASE
)
_PASSIVE = re.compile(
    r"\b(?:is|are|was|were|be|been|being|gets|got)(?: (?:not|never|only|even))? $", re.IGNORECASE
)
# What may follow a verb that is said of everybody: "it never loses." is, "it never loses much" is not.
_ENDS = re.compile(
    r"\s*(?:$|[,.;:!)\u2014\u2013-]|(?:on|in|to|against|and|or|here|there|across|by|it|us|nowhere|anywhere)\b)",
    re.IGNORECASE,
)
_HEADS = re.compile(r"leads|led|leading|lead|tops|topped|heads", re.IGNORECASE)


def find(work: Work) -> Iterator[Claim]:
    """Relations that no number has taken."""
    for index in list(work.free()):
        token = work.clause.tokens[index]
        if index in work.taken or token.relation is None or of_something_else(work, index):
            continue
        if only_points(work, index) or is_action(work, index) or is_epithet(work, index):
            continue
        made = _claim(work, index, token.relation)
        if made is not None:
            yield made


def _claim(work: Work, index: int, relation: Relation) -> Claim | None:
    metric = metric_of(relation, work.metric())
    if (turned_ := _from_to(work, index, relation, metric)) is not None:
        return work.claim(index, index + 4, [turned_], sure=True)
    who = sides(work.scale, work.clause, work.context, index)
    relation = _as_said(work, index, relation, who)
    if any(party.group == "nobody" and party.first < index for party in parties(work.clause)):
        return _nobody(work, index, relation, metric, who)
    if _object_unsaid(work, index, relation, who) or (
        relation.sign and len(who.subjects) > 1 and not who.rivals
    ):
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
        _nowhere(work, relation)
        if denied
        else judged_by(work, index, relation, metric, who, everyone=everyone)
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


def _from_to(work: Work, index: int, relation: Relation, metric: str) -> Reading | None:
    """`rises from 3.6 to 3.4`: the numbers contradict the verb, whoever is meant; None where they agree."""
    place, numbers = index + 1, []
    tokens = work.clause.tokens
    for link in ("from", "to"):
        if (
            place + 1 >= len(tokens)
            or work.clause.text[tokens[place].start : tokens[place].end].lower() != link
        ):
            return None
        numbers.append(tokens[place + 1].quantity)
        place += 2
    first, second = numbers
    if first is None or second is None or first.kind != second.kind or not relation.sign:
        return None
    moved = second.low - first.low
    if metric in LOWER_IS_BETTER and relation.axis == "quality":
        moved = -moved
    if moved * relation.sign >= 0 or work.negative(index):
        return None
    return Reading(holds=False, why=f"from {first.low:g} to {second.low:g} goes the other way")


def _nowhere(work: Work, relation: Relation) -> Judged:
    return lambda mine, theirs: nowhere(work.scale, mine, theirs, relation)


def _of_everyone(work: Work, index: int, relation: Relation, metric: str) -> bool:
    """`it leads in all tasks`: ahead of whom is not said, so of all the others."""
    token = work.clause.tokens[index]
    if _heads_a_task(work, index, relation):
        return True
    if metric or work.groups or work.quantifier() != "all" or relation.axis != "quality" or relation.soft:
        return False
    return relation.sign != 0 and not _ON_ITS_OWN.match(work.clause.text, token.start)


def _heads_a_task(work: Work, index: int, relation: Relation) -> bool:
    """`it tops ARC-C`, `it leads BoolQ`: the task is the object, so it is ahead of all the others there."""
    tokens = work.clause.tokens
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    heads = _HEADS.fullmatch(work.clause.text, tokens[index].start, tokens[index].end) is not None
    return (
        heads
        and relation.sign > 0
        and after is not None
        and bool(after.tasks)
        and work.clause.between(tokens[index], after).strip().lower() in ("", "the", "on", "both", "in")
    )


def _object_unsaid(work: Work, index: int, relation: Relation, who: Sides) -> bool:
    """`beats it`: the card's own model, if another is the subject and nobody else was spoken of."""
    after = work.clause.tokens[index + 1] if index + 1 < len(work.clause.tokens) else None
    if not relation.direct or after is None or not after.kind("pronoun"):
        return False
    own = work.scale.board.subject
    alone = len(who.subjects) == 1 and who.said and who.subjects[0] is not own
    if alone and not work.context.rivals and work.context.subjects in ((), (own.name,)):
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
