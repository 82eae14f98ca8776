"""Whether a text is English prose for a reader of the card: the claim checker reads nothing else. Pure."""

from __future__ import annotations

import re
import unicodedata

_WORDS = re.compile(r"[^\W\d_]+")
_SMALL = frozenset(
    (
        "about", "after", "all", "and", "any", "are", "be", "because", "been", "before", "both", "but",
        "by", "can", "does", "each", "from", "has", "have", "how", "if", "into", "is", "it", "its",
        "less", "like", "little", "more", "most", "much", "not", "of", "one", "only", "other", "same",
        "some", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this",
        "those", "to", "too", "up", "very", "were", "what", "when", "where", "which", "while", "who",
        "with", "without", "would", "you", "your",
    )
)  # fmt: skip
"""Words that English prose cannot do without and its neighbours do not have: `in` and `so` are German."""
TEXT, SENTENCE = 0.15, 0.07
"""The least share of them in a whole text and in one sentence. English prose has about 0.3."""

FOREIGN = "it is not English"

_TO_THE_ASKER = re.compile(
    r"\b(?:as an ai|language model,? i|i(?: a|')m (?:sorry|unable|not able)|i can(?:not|'t| not)"
    r"|i apologi[sz]e"
    r"|i(?: wi|')ll (?:not|write)|here(?:'s| is) (?:the|a|my|your) (?:short |revised )?(?:review|draft|text)"
    r"|let me know|feel free|hope this helps|certainly[!,]|sure[!,]|of course[!,])",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\W*(?:i(?: a|')m (?:sorry|unable|not able)|sorry\b|i can(?:not|'t| not)"
    r"|i (?:won't|will not|must decline)"
    r"|i apologi[sz]e|as an ai)",
    re.IGNORECASE,
)


def is_english(text: str, share: float = TEXT) -> bool:
    """Whether a text, its names taken out, is English. Words with a capital are names or could be; of fewer
    than eight others nobody can tell, and they pass."""
    words = _WORDS.findall(text)
    if sum(not _latin(word[0]) for word in words) > len(words) / 10:
        return False
    small = len([word for word in words if word[0].islower()])
    known = len([word for word in words if word.casefold() in _SMALL])
    return small < 8 or known >= share * small


def is_refusal(text: str) -> bool:
    """Whether the answer begins as one that declines."""
    return _REFUSAL.match(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")) is not None


def objection(words: str) -> str | None:
    """Why a sentence does not belong into a review, or None."""
    if _TO_THE_ASKER.search(words.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")):
        return "it speaks to the one who asked, not to the reader of the card"
    if not is_english(words, SENTENCE):
        return FOREIGN
    return None


def _latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN ")
