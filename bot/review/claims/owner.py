"""Whose value a number is: the model named beside it, the clause's subject, or one of several."""

from __future__ import annotations

import re

from bot.card.board import Model
from bot.records import Record
from bot.review.claims.claim import Work
from bot.review.claims.context import of
from bot.review.claims.metrics import MEAN
from bot.review.claims.parties import Party, parties
from bot.review.claims.quantities import Quantity

# What may lie between a name and its value: `q4-hi scores 0.639`, `0.653 for bf16`.
_JOINS = frozenset(
    {
        "", "s", "for", "by", "from", "of", "at", "with", "has", "is", "scores", "score", "reaches",
        "reached", "gets", "got", "hits", "manages", "achieves", "stands", "had", "only", "just", "a", "an",
        "the", "to", "averages", "averaging", "scoring", "leads", "lands", "sits", "comes", "perplexity",
        "in", "accuracy", "result", "about",
    }
)  # fmt: skip
_VALUE = re.compile(r"\s*(?:[:=]|at|with)?\s*[+\-]?\.?\d")
_BEHIND = ("for", "by", "from", "of", "(", "in", "at", "with", "under")
# Verbs with a number that is another's: `it misses the 0.811 on BoolQ`.
_SHORT_OF = re.compile(
    r"\b(?:miss(?:es|ed|ing)?|near(?:s|ing)?|approach(?:es|ing)?|chas(?:es|ing)|from|until|out of|between)\b",
    re.IGNORECASE,
)
_REACHED = re.compile(r"(?:^|\s)(?:at|with|to|scoring|reaching|:|\()\s*(?:an? |the |about )?$", re.IGNORECASE)
_OPENS = re.compile(
    r"\W*(?:(?:and|but|so|here|still),? )?"
    r"(?:with|at|running at|scoring|weighing(?: in at)?|reaching|averaging)"
    r" (?:an? |only |just |about |its )?(?:[A-Za-z]+ ){0,4}(?:of |at )?(?:just |only )?",
    re.IGNORECASE,
)
_COMMA = re.compile(r"[\w\s)]{0,20}, (?:the )?")
_SAYS_NOTHING = ("performance", "metric", "bound", "strength", "only", "part")


class Owner(Record, frozen=True, kw_only=True):
    """`meant`: who the number may be of. `others`: who it may be of in a second, less likely way.

    `stranger`: a model that the board lacks.
    """

    meant: tuple[Model, ...] = ()
    others: tuple[Model, ...] = ()
    stranger: bool = False


def owner(work: Work, index: int, quantity: Quantity) -> Owner:
    """Whose value the number at `index` is."""
    beside = model_beside(work, index)
    if beside is not None:
        return beside
    if any(token.unknown for token in work.clause.tokens):
        return Owner(stranger=True)
    return (
        _subject(work, index)
        or _pronoun(work, index)
        or _introduced(work, index)
        or Owner(meant=_possible(work, index, quantity))
    )


def model_beside(work: Work, index: int) -> Owner | None:
    """The model the number stands right beside (`q4-hi's 0.639`, `bf16: 0.464`, `0.653 for bf16`)."""
    tokens = work.clause.tokens
    for near, before in ((index - 1, True), (index + 1, False)):
        if not 0 <= near < len(tokens):
            continue
        token = tokens[near]
        if not before and not (token.kind("link") or token.is_model):
            continue
        first, second = sorted((near, index))
        gap = work.clause.between(tokens[first], tokens[second])
        close = all(word.lower().strip(":(='") in _JOINS for word in gap.split()) and not any(
            mark in gap for mark in ",;"
        )
        if not before and (_VALUE.match(work.clause.text, token.end) or _in_a_list(work, index)):
            continue  # `0.655 (q8-hi: 0.651)`: that name has a number of its own
        if before and _paired(work, index):
            continue  # `above that of bf16 (12.869 against 12.810)`: the first is another's
        if token.is_model and close and (before or gap.strip().lower() in _BEHIND):
            return Owner(meant=of(work.scale, token.models), stranger=token.unknown)
    return None


def _subject(work: Work, index: int) -> Owner | None:
    """The one model that the clause is about, where nothing between it and the number says otherwise."""
    before = [party for party in parties(work.clause) if party.last < index]
    if not before or before[-1].rival or before[-1].group or len(before[-1].models) != 1:
        return None
    if _has_another(work, before[-1]):
        return None
    if not _leads_to(work, before[-1], index) or _paired(work, index) or _named_behind(work, index):
        return None
    return Owner(meant=of(work.scale, before[-1].models))


def _has_another(work: Work, party: Party) -> bool:
    """`0.752 for bf16, 0.751 here`: the named one has its number already."""
    if not party.first or work.clause.tokens[party.first - 1].quantity is None:
        return False
    gap = work.clause.between(work.clause.tokens[party.first - 1], work.clause.tokens[party.first])
    return gap.strip().lower() in (*_BEHIND, "")


def _leads_to(work: Work, party: Party, index: int) -> bool:
    """Whether only the words of a statement lie between: `scores`, a task, a number with an `and`."""
    tokens = work.clause.tokens
    if _listed(work, index):
        return False
    between = tokens[party.last + 1 : index]
    gap = work.clause.text[tokens[party.last].end : tokens[index].start]
    if _SHORT_OF.search(gap):
        return False
    reached = _REACHED.search(gap) is not None
    for place, token in enumerate(between):
        if token.tasks or token.kind(*_SAYS_NOTHING):
            continue
        number = token.quantity
        if number is not None and not number.fits_a_score:
            continue  # `weighs 6.6 GB and runs at 50 tokens per second`
        last = place == len(between) - 1
        relation = token.relation
        moved = token.superlative is not None or (relation is not None and not (relation.direct and last))
        links = token.kind("link") and last  # `falls to 0.571`, `leads with 0.571`
        if not (reached and (moved or links)) or any(each.quantity for each in between):
            return False
    return True


def _named_behind(work: Work, index: int) -> bool:
    """`0.811 on BoolQ for mxfp4`: the name comes after the number and its task."""
    tokens = work.clause.tokens
    for after in range(index + 1, len(tokens)):
        if tokens[after].is_model:
            gap = work.clause.between(tokens[after - 1], tokens[after]).split()
            return bool(gap) and gap[-1].lower() in _BEHIND
        if not (tokens[after].tasks or tokens[after].kind(*_SAYS_NOTHING)):
            return False
    return False


def _pronoun(work: Work, index: int) -> Owner | None:
    """`it scores 0.639`: whom the text speaks of, or the card's own model; perhaps the last rival."""
    tokens = work.clause.tokens
    said = next((i for i in range(index - 1, -1, -1) if tokens[i].kind("pronoun")), None)
    if said is None or any(token.is_model for token in tokens[said:index]) or _named_behind(work, index):
        return None
    place = Party(models=(), rival=False, first=said, last=said)
    if not _leads_to(work, place, index) or _paired(work, index):
        return None
    return _spoken_of(work)


def _spoken_of(work: Work) -> Owner:
    board = work.scale.board
    named = [name for token in work.clause.tokens for name in token.models]
    mine = of(work.scale, dict.fromkeys((*work.context.subjects, board.subject.name)))
    others = of(work.scale, dict.fromkeys((*named, *work.context.rivals)))
    return Owner(meant=mine, others=tuple(model for model in others if model not in mine))


def _introduced(work: Work, index: int) -> Owner | None:
    """`With 0.639 on A, q4-hi ...`: a number said before the subject that it is of."""
    tokens = work.clause.tokens
    if index > 2 or not _OPENS.fullmatch(work.clause.text, work.clause.start, tokens[index].start):
        return None
    after = index + 1
    while after < len(tokens) and (tokens[after].tasks or tokens[after].kind(*_SAYS_NOTHING)):
        after += 1
    if after == len(tokens) or not _COMMA.fullmatch(work.clause.between(tokens[after - 1], tokens[after])):
        return None
    if tokens[after].kind("pronoun"):
        return _spoken_of(work)
    party = next((party for party in parties(work.clause) if party.first == after), None)
    if party is None or party.rival or party.group or len(party.models) != 1:
        return None
    return Owner(meant=of(work.scale, party.models))


def _in_a_list(work: Work, index: int) -> bool:
    """`0.640, 0.645 and 0.622 for A, B and C`: nobody says which is whose."""
    return index > 0 and _listed(work, index - 1)


def _listed(work: Work, index: int) -> bool:
    """Whether another number of the list follows."""
    tokens = work.clause.tokens
    if index + 1 >= len(tokens) or tokens[index].quantity is None or tokens[index + 1].quantity is None:
        return False
    return work.clause.between(tokens[index], tokens[index + 1]).strip() in (",", "and", ", and", "/")


def _paired(work: Work, index: int) -> bool:
    """`0.800 vs 0.811`: which of the two is whose, the words do not say."""
    tokens = work.clause.tokens
    return (
        index + 2 < len(tokens) and tokens[index + 1].kind("link") and tokens[index + 2].quantity is not None
    )


def _possible(work: Work, index: int, quantity: Quantity) -> tuple[Model, ...]:
    """Without a name beside it: the models of the clause, of what was said before, or any."""
    named = [name for token in work.clause.tokens for name in token.models]
    if named and len(set(named)) > 1:
        return of(work.scale, dict.fromkeys((*named, *work.context.subjects, work.scale.board.subject.name)))
    return work.scale.board.models if work.metric() not in ("", MEAN) else work.scale.scored
