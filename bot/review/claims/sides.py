"""Whom a claim is about, and against whom: what is said, and what is left unsaid."""

from __future__ import annotations

from bot.card.board import Model
from bot.records import Record
from bot.review.claims.clause import Clause
from bot.review.claims.context import Context, of, scored, unique
from bot.review.claims.metrics import Scale
from bot.review.claims.parties import Party, parties


class Sides(Record, frozen=True, kw_only=True):
    """The models one claim can be about. Each of `rivals` is one way to understand who is meant.

    `named`: the rivals stand in the clause; `said`: the subject does. `unknown`: somebody not on the board.
    `everyone`: who is meant where none is named and it is said of all: those of the section, or all others.
    """

    subjects: tuple[Model, ...]
    rivals: tuple[tuple[Model, ...], ...]
    everyone: tuple[tuple[Model, ...], ...] = ()
    named: bool = False
    said: bool = False
    unknown: bool = False
    passive: bool = False


def sides(scale: Scale, clause: Clause, context: Context, anchor: int, number: int | None = None) -> Sides:
    """Who stands on either side of the relation that is token `anchor`; rivals are those nearest `number`."""
    everyone = parties(clause)
    rivals = [party for party in everyone if party.rival]
    mine = [party for party in everyone if not party.rival]
    before = [party for party in mine if party.last < anchor]
    chosen = before[-1] if before else next(iter(mine), None)
    if chosen is not None and not before and rivals and _is_pronoun_before(clause, anchor):
        chosen = None
    whose = next((i for i in range(anchor - 1, -1, -1) if _is_whose(clause, i)), None)
    if whose is not None and (owner := next((p for p in everyone if p.last == whose - 1), None)):
        chosen, rivals = owner, [party for party in rivals if party is not owner]
    chosen = _beside_number(clause, mine, number) or chosen
    own = _before_number(clause, rivals, anchor, number)
    after = number is not None and not own and _between(rivals, anchor, number)
    against = own[-1] if own else _nearest(clause, rivals, number if after and number is not None else anchor)
    subjects = _subjects(scale, chosen, context)
    named = against is not None
    return Sides(
        subjects=subjects,
        rivals=_rivals(
            scale,
            against,
            subjects,
            context,
            said=chosen is not None,
            two=against is not None and _of_two(clause, against),
        ),
        everyone=_everyone(scale, subjects, context),
        named=named or len(subjects) > 1,
        said=chosen is not None,
        unknown=any(party.unknown for party in (chosen, against) if party),
        passive=against is not None and _passive(clause, against),
    )


def _beside_number(clause: Clause, mine: list[Party], number: int | None) -> Party | None:
    """`+0.078 for A`, `and A 8.2 %`."""
    before = next((party for party in mine if number is not None and party.last == number - 1), None)
    if before is not None and number is not None and _touches(clause, before.last, number):
        return before
    party = next((party for party in mine if number is not None and party.first == number + 1), None)
    if party is None or number is None:
        return None
    gap = clause.between(clause.tokens[number], clause.tokens[party.first]).strip().lower()
    return party if gap in ("for", "in", "with", "at") else None


def _touches(clause: Clause, first: int, last: int) -> bool:
    return not clause.between(clause.tokens[first], clause.tokens[last]).strip()


def _is_whose(clause: Clause, index: int) -> bool:
    word = clause.tokens[index].word
    return word is not None and word.value == "whose"


def _is_pronoun_before(clause: Clause, anchor: int) -> bool:
    return any(token.kind("pronoun") for token in clause.tokens[:anchor])


def _before_number(clause: Clause, rivals: list[Party], anchor: int, number: int | None) -> list[Party]:
    """`the lead over A is 2.2 points, over B 3.4`: the rival of the first number stands before it."""
    if number is None or any(token.quantity for token in clause.tokens[anchor + 1 : number]):
        return []
    return [party for party in rivals if anchor < party.first < number]


def _between(rivals: list[Party], anchor: int, number: int) -> bool:
    """`1.4 over A and 0.8 over B`: the rival of a number comes after it, where one does."""
    return number > anchor and any(party.first > number for party in rivals)


def _nearest(clause: Clause, rivals: list[Party], anchor: int) -> Party | None:
    after = [party for party in rivals if party.first > anchor]
    before = [party for party in rivals if party.last < anchor]
    if before and after and not any(t.quantity for t in clause.tokens[before[-1].last : anchor]):
        gap = clause.text[clause.tokens[anchor].end : clause.tokens[after[0].first].start]
        counted = any(t.quantity for t in clause.tokens[anchor + 1 : after[0].first]) and "," in gap
        if counted or gap.lstrip(" )")[:1] in (",", ";"):
            return before[-1]  # `against A 4-3, against B 6-1`
    return after[0] if after else (rivals[-1] if rivals else None)


def _passive(clause: Clause, party: Party) -> bool:
    """`is outperformed by X`."""
    if party.first < 2 or not clause.tokens[party.first - 1].kind("by"):
        return False
    verb = clause.tokens[party.first - 2].relation
    return verb is not None and verb.direct


def _subjects(scale: Scale, party: Party | None, context: Context) -> tuple[Model, ...]:
    if party is None:
        return of(scale, context.subjects) or (scale.board.subject,)
    if len(party.models) > 1:
        return of(scale, party.models)
    if party.group == "all" and party.models:
        return _family(scale, of(scale, party.models)[0])
    if party.group == "all":
        return (
            of(scale, dict.fromkeys((*context.subjects, *context.rivals)))
            if context.rivals
            else scored(scale)
        )
    if party.group in ("others", "nobody"):
        return of(scale, context.rivals) or tuple(m for m in scored(scale) if m.role != "subject")
    return of(scale, party.models) or (scale.board.subject,)


def _family(scale: Scale, model: Model) -> tuple[Model, ...]:
    """The models of one family: `both Basalt quants`."""
    first = model.name.split("-")[0]
    mine = model.role != "rival"
    return tuple(m for m in scored(scale) if (mine and m.role != "rival") or m.name.split("-")[0] == first)


def _of_two(clause: Clause, party: Party) -> bool:
    token = clause.tokens[party.first]
    two = clause.text[token.start : token.end].lower() in ("the two", "the pair", "both")
    return two and clause.text[max(clause.start, token.start - 4) : token.start].lower() == " of "


def _rivals(
    scale: Scale,
    party: Party | None,
    subjects: tuple[Model, ...],
    context: Context,
    *,
    said: bool,
    two: bool = False,
) -> tuple[tuple[Model, ...], ...]:
    others = tuple(model for model in scored(scale) if model not in subjects)
    told = tuple(model for model in of(scale, context.rivals) if model not in subjects)
    if party is None:
        if len(subjects) > 1:
            return ()
        sets = [told] if told else []
        own = scale.board.subject
        if told and own not in subjects and own not in told and own.scores:
            sets.append((own,))  # `it is closer to bf16, yet larger`: perhaps than the card's own model
        if said and len(subjects) == 1 and subjects[0] is not own and not told and own.scores:
            return unique([(own,), others])  # what is said of another is said against the card's own model
        if not context.fixed:
            sets += [tuple(m for m in of(scale, names) if m not in subjects) for names in context.sets]
            sets += [others, *((model,) for model in others)]
        else:
            sets += [(model,) for model in told]
        return unique(sets)
    if party.group == "own":
        return unique([tuple(m for m in (scale.board.subject,) if m not in subjects)])
    if party.group and len(party.models) < 2:
        found = [told or others]
        if party.group == "all" and len(told) < 2 and two:
            found = [*([told] if told else []), *((model,) for model in others)]  # `the better of the two`
        if party.group == "others" and told and len(told) < 2:
            found = [others]
        return tuple(found)
    named = tuple(model for model in of(scale, party.models) if model not in subjects)
    return (named,) if named else ()


def _everyone(scale: Scale, subjects: tuple[Model, ...], context: Context) -> tuple[tuple[Model, ...], ...]:
    own = [scale.board.subject.name]
    names = [context.rivals, *context.sets, [model.name for model in scored(scale)], own]
    return unique(tuple(m for m in of(scale, each) if m.scores and m not in subjects) for each in names)


def pairs(who: Sides) -> list[tuple[Model, Model]]:
    """A single number can be meant of any one of the rivals."""
    if not who.rivals and len(who.subjects) > 1:
        return [(who.subjects[0], other) for other in who.subjects[1:]]
    found = [
        (mine, other) for group in who.rivals for mine in who.subjects for other in group if mine is not other
    ]
    unique: dict[tuple[str, str], tuple[Model, Model]] = {(a.name, b.name): (a, b) for a, b in found}
    return list(unique.values())
