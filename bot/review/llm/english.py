"""Whether a text is English prose for a reader of the card: the claim checker reads nothing else. Pure."""

from __future__ import annotations

import re
import unicodedata

_WORDS = re.compile(r"[^\W\d_]+")
_SMALL = frozenset(
    (
        "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because",
        "been", "before", "both", "but", "by", "can", "does", "each", "for", "from", "has", "have",
        "how", "if", "in", "into", "is", "it", "its", "less", "like", "little", "more", "most", "much",
        "no", "not", "of", "on", "one", "only", "or", "other", "over", "same", "so", "some", "than",
        "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "too",
        "under", "up", "very", "was", "were", "what", "when", "where", "which", "while", "who", "will",
        "with", "without", "would", "you", "your",
    )
)  # fmt: skip
"""Words that English prose cannot do without; other languages share few of them."""
_SHARE = 0.15
"""The least share of them in a text. English reviews have about 0.4."""

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


def is_english(text: str) -> bool:
    """Whether a text, its names taken out, is English. Words with a capital are names or could be; of fewer
    than eight others nobody can tell, and they pass."""
    words = _WORDS.findall(text)
    if sum(not _latin(word[0]) for word in words) > len(words) / 10:
        return False
    small = [word for word in words if word[0].islower()]
    return len(small) < 8 or sum(word in _SMALL for word in small) >= _SHARE * len(small)


def is_refusal(text: str) -> bool:
    """Whether the answer begins as one that declines."""
    return _REFUSAL.match(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")) is not None


def objection(words: str) -> str | None:
    """Why a sentence does not belong into a review, or None."""
    if _TO_THE_ASKER.search(words.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")):
        return "it speaks to the one who asked, not to the reader of the card"
    if not is_english(words):
        return FOREIGN
    return None


def _latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN ")
