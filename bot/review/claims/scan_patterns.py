"""Patterns of the scanner: what may begin a number, and phrases with a number in them."""

from __future__ import annotations

import re

NUMBER = re.compile(
    r"[+\-\u00b1]?\.?\d|#\s?\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|none|all|no"
    r"|an? (?:third|quarter|fifth|tenth) of an? "
    r"|an? (?:(?:full |whole |entire |percentage )?point|single|lone|sole)|not a single|without|zero"
    r"|first|second|third|fourth|fifth)\b",
    re.IGNORECASE,
)
JOINED = re.compile(r"\s?/\s?|[\s_-]{0,3}")
COMPOUND = re.compile(r"-[A-Za-z]")  # "higher-quantized", "top-level" compare nothing
ALL_OF = re.compile(
    r"(?:all|each of|every one of|all of)(?: the)? "
    r"(?P<n>\d{1,2}|three|four|five|six|seven|eight|nine|ten|eleven|twelve) (?:\w{3,12} )?"
    r"(?:tasks|benchmarks|tests|metrics|categories|evaluations|evals|datasets)\b"
    r"|(?:all|each of|every one of|all of)(?: the)? (?P<bare>five|six|seven|eight|nine|ten|eleven|twelve)\b"
    r"(?! \w+s\b)",
    re.IGNORECASE,
)
_NUMBERS = r"(?:\d|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_MODELS = r"models|quants|versions|variants|rivals|competitors|siblings|recipes|builds|sizes|checkpoints"
_TESTS = r"tasks|benchmarks|tests|metrics|categories|evaluations|evals|datasets"
# "on the other four tasks", "the remaining three"
REST = re.compile(
    rf"(?:all )?(?:the |its )?(?:(?:other|remaining) {_NUMBERS} (?:{_TESTS})"
    r"|other (?:four|five|six|seven|[4-9])(?= (?:are|were|go|lose|gain|drop|fall|stay|remain)\b)"
    rf"|remaining {_NUMBERS}(?! (?:{_MODELS}))|(?<=on the )other {_NUMBERS}(?! (?:{_MODELS}))"
    rf"|(?:other|remaining) (?:{_TESTS}))\b",
    re.IGNORECASE,
)
LEADERS = re.compile(
    rf"(?:the )?(?:top|best|first|last|bottom|worst) {_NUMBERS}\b(?! (?:{_TESTS}))"
    rf"|(?:at least |only )?(?:one|two|some|several|either) of (?:the |its |our |these )?(?:\w+ )?"
    rf"(?:{_MODELS})\b"
    r"|(?:both|the two|the three|all three) (?:(?:larg|small|bigg|heavi|light|old|new)er|dense|moe) "
    rf"(?:{_MODELS})\b",
    re.IGNORECASE,
)
HALF_A = re.compile(r" an? (?:\w+ )?points?\b")
AFTER_NUMBER = re.compile(r"[\d%x](?: \w{2,8})?\s+$")
BEFORE_NUMBER = re.compile(
    r"\s*(?:[~+\-\u00b1.]?\d|half|twice|double|a |an |one|two|three|four|five|six|seven)"
)
PAREN = re.compile(r"\(if [^()]{0,80}\)")
