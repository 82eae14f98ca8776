"""Words that compare, but nothing that the board knows: `higher precision`, `better poems`."""

from __future__ import annotations

import re

from bot.review.claims.claim import Work

_ADJECTIVES = frozenset(
    {
        "higher", "greater", "lower", "fewer", "less", "better", "worse", "stronger", "weaker",
        "superior", "inferior", "smaller", "larger", "bigger", "faster", "slower", "same", "equal",
        "identical", "similar", "comparable", "equivalent", "ahead", "up", "down", "above", "below",
        "behind", "lighter", "heavier", "unchanged", "close", "reduced", "raised", "improved",
        "improvement",
    }
)  # fmt: skip
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
# "the ranking is the same" compares no two models
_ORDER = re.compile(
    r"\b(?:ranking|order|picture|story|pattern|trend)s? (?:is|are|was|stays?|remains?|looks?)(?: \w+)? $",
    re.IGNORECASE,
)
_PLAIN_WORD = re.compile(r"[A-Za-z]{2,}")


def only_points(work: Work, index: int) -> bool:
    """An arrow in front of words that say the same."""
    tokens = work.clause.tokens
    if work.clause.text[tokens[index].start] not in "\u2191\u2193" or index + 1 >= len(tokens):
        return False
    return tokens[index + 1].relation is not None or tokens[index + 1].kind("strength")


def of_something_else(work: Work, index: int) -> bool:
    """`higher precision`, `better poems`, `lost in translation`: no comparison of what the board knows."""
    token = work.clause.tokens[index]
    text = work.clause.text
    if _ORDER.search(text, max(work.clause.start, token.start - 40), token.start):
        return True
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


def is_epithet(work: Work, index: int) -> bool:
    """`The bigger A beats B`: the word only says which A is meant."""
    tokens, relation = work.clause.tokens, work.clause.tokens[index].relation
    if relation is None or relation.axis not in ("size", "speed") or index + 1 >= len(tokens):
        return False
    if not tokens[index + 1].is_model or work.clause.between(tokens[index], tokens[index + 1]).strip(" -"):
        return False
    before = work.clause.text[work.clause.start : tokens[index].start].lower().split()
    while before and (before[-1].endswith("ly") or before[-1] in ("much", "even", "far", "bit", "somewhat")):
        before.pop()
    return bool(before) and before[-1] in ("the", "our", "its", "their", "a")


def is_action(work: Work, index: int) -> bool:
    """`Halving the bits adds 0.4`: what somebody does to a model, no comparison."""
    token, relation = work.clause.tokens[index], work.clause.tokens[index].relation
    doing = work.clause.text[token.start : token.end].lower().endswith("ing")
    opens = not work.clause.text[work.clause.start : token.start].strip(" -\u2022*\"'(")
    return doing and opens and relation is not None and relation.axis == "value"


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
        t.is_model or t.tasks or t.superlative or t.kind("pronoun", "group", "metric", "performance", "tasks")
        for t in before
    ):
        return False
    words = _FIRST_WORDS.sub(" ", work.clause.text[work.clause.start : work.clause.tokens[index].start])
    unknown = [word for word in _PLAIN_WORD.findall(words) if not word.endswith("ly")]
    return len(unknown) >= 2
