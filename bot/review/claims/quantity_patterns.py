"""How numbers are written: scores, differences, ranges, counts, records, ranks, sizes, bits, speeds."""

from __future__ import annotations

import re

NUMBERS = {
    "no": 0, "none": 0, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "a": 1, "an": 1, "ten": 10, "eleven": 11, "twelve": 12, "all": -1,
}  # fmt: skip
_N = r"\d{1,6}(?:,\d{3}){0,3}(?:\.\d{1,6})?|\.\d{1,6}"
_WORDS = r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_UNIT = (
    r"(?P<percent>%|per ?cent\b)"
    r"|-?(?P<points>(?:(?:percentage|accuracy|extra|full|whole|more|additional|absolute) )?points?\b"
    r"|pp\b|p\.p\.|pts?\b)"
    r"|(?P<speed>(?:tok(?:ens)?|t) ?(?:/|per) ?s(?:ec(?:ond)?)?\b|tps\b)"
    r"|-?(?P<bpw>bits per weight\b|bpw\b)|-?(?P<bits>bits?\b)|(?P<size>[GMT](?:i?B|igabytes?)?\b)"
    r"|(?P<parameters>(?:[BM]|billion|million)\b)|(?P<times>[x\u00d7](?![a-z])|-?fold\b|times\b)"
)
QUANTITY = re.compile(
    rf"(?P<sign>[+\-\u00b1])?(?P<low>{_N})(?P<lowpercent> ?%)?"
    rf"(?: ?(?:\u2013|\u2014|-|to|and) ?(?P<sign2>[+\-\u00b1])?(?P<high>{_N}))?"
    rf"(?P<error> ?\u00b1 ?(?:{_N}))?(?: ?-?(?:{_UNIT}))?",
    re.IGNORECASE,
)
WORD_QUANTITY = re.compile(
    rf"(?P<word>{_WORDS}|half|an?(?= (?:full |whole |entire |percentage )?point\b(?! (?:in|where|that))))"
    r"(?P<tenths> tenths? of)?(?: an?)?(?P<half> and a half)?(?: full| whole| entire)?[ -]"
    r"(?P<kind>(?:percentage |accuracy )?points?|per ?cent|bits?|times)\b(?P<more> and a half)?",
    re.IGNORECASE,
)
# "by a point"; "at a point" is none
COUNTS_POINTS = re.compile(
    r"(?<!tenth )(?<!tenths )(?<!third )(?<!thirds )(?<!quarter )(?<!quarters )(?<!fraction )"
    r"\b(?:by|than|is|was|of|about|nearly|almost|just|over|under|within|only|loses?|costs?|gains?|drops?|barely)"
    r" $",
    re.IGNORECASE,
)
# "a record of 6-1", "goes 4/2/1": wins and losses, with ties last or between
RECORD = re.compile(
    r"(?P<wins>\d{1,2})(?P<mark>\s?[-\u2013/:]\s?)(?P<losses>\d{1,2})(?:(?P=mark)(?P<ties>\d{1,2}))?"
    r"(?![\w%]|\s?[-\u2013/:.]\s?\d|[- ]?(?:bits?|points?|pp|percent|%|tok|GB|x)\b)"
)
RECORD_OF = re.compile(
    r"\b(?:records?|tally|score ?line|head[- ]to[- ]head|w/l(?:/t)?|w/t/l|win[-/]loss(?:[-/](?:tie|draw)s?)?"
    r"|goes|went|wins?|won|loses|lost|beats|beat|standings?|balance|verdict|final score)\b"
    r"(?:[^.;]|\.\d){0,48}$",
    re.IGNORECASE,
)
PLAINLY = re.compile(r"w/|win[-/]|records?\b|head", re.IGNORECASE)
OF = re.compile(r"\s+of\b")
IS = re.compile(r"\b(?:is|was)\s\Z")
FRACTION = re.compile(
    rf"(?<!/)(?P<of>\d{{1,2}}|{_WORDS}|none|all)"
    rf"(?:\s?/\s?|\s(?:tasks?|benchmarks?|wins?|metrics|tests?)?\s?(?:(?:out )?of|from|in)\s"
    r"(?:the |its |all |these |our |those )?(?:total )?)"
    rf"(?P<all>\d{{1,2}}|{_WORDS})(?![\w%]|\.\d|\s?/\s?\d|[- ]?bits?\b)",
    re.IGNORECASE,
)
ALL_BUT = re.compile(rf"all but (?P<but>\d{{1,2}}|{_WORDS})\b(?! of)", re.IGNORECASE)
PLACE = re.compile(
    rf"(?P<place>first|second|third|fourth|fifth) "
    rf"(?=(?:out )?of (?:the )?(?:\d|{_WORDS})\b(?! (?:tasks|benchmarks|tests)))"
    r"|(?<=: )(?P<alone>first|second|third|fourth)(?=\s*(?:[(,.;]|$))",
    re.IGNORECASE,
)
RANK = re.compile(
    r"(?:#\s?|No\. ?|number |rank )(?P<rank>\d)\b|(?P<ordinal>[1-9])(?:st|nd|rd|th)\b", re.IGNORECASE
)
LIST = re.compile(r"\d%? and [\d.]")
COUNT = re.compile(
    rf"(?P<count>\d{{1,2}}|{_WORDS}|zero)\s(?=(?:[a-z-]{{3,14}}\s){{0,2}}(?:wins?|loss(?:es)?|ties?|draws?|victor(?:y|ies)"
    r"|defeats?|benchmarks?|tasks?|tests?|metrics|categories|evaluations|evals)\b)",
    re.IGNORECASE,
)
OF_MODELS = re.compile(
    r"\s(?:\w+\s)?(?:models|quants|versions|variants|rivals|competitors|siblings|builds|others|opponents)\b",
    re.IGNORECASE,
)
PARTS = {"third": 1 / 3, "quarter": 0.25, "fifth": 0.2, "tenth": 0.1}
PART_OF_A_POINT = re.compile(
    rf"(?P<some>an?|{_WORDS}) (?P<part>third|quarter|fifth|tenth)s? of an? "
    r"(?:full |whole |percentage )?point\b",
    re.IGNORECASE,
)
OF_RESULTS = re.compile(
    r"\s(?:wins?|loss(?:es)?|ties|draws|victories|defeats|gains|drops|leads)\b", re.IGNORECASE
)
_RESULTS = r"(?:wins?|loss(?:es)?|ties?|draws?|victor(?:y|ies)|defeats?)"
# "no losses", "without a single loss", "a single tie"; "no loss of quality" and "no wins on A" count nothing.
_NONE = r"no|not a single|without(?: a| any)?(?: single)?"
FEW = re.compile(
    rf"(?:(?P<none>{_NONE})|(?P<one>(?<!not )an? (?:single|lone|sole)))"
    rf"\s(?={_RESULTS}\b(?!\s(?:of|in|on|for)\s(?!any|all))|(?(one)(?:task|benchmark|test|metric)\b|$))",
    re.IGNORECASE,
)
NO_LOSS = re.compile(r"(?:no|without(?: any)?) loss\b", re.IGNORECASE)  # perhaps one of quality
# "ties on 0", "wins 5, loses 2": a bare number right behind such a verb.
BARE = re.compile(
    rf"(?P<count>\d|{_WORDS}|zero|none)(?=\s*(?:$|[,;.)\n](?!\d)|(?:and|against|vs|versus|to|with|over|but"
    r"|of (?:them|the|these|those))\b))",
    re.IGNORECASE,
)
VERB = re.compile(
    r"\b(?:wins?|won|winning|los(?:es?|t|ing)|ties?|tied|tying|draws?|drew|drawing)(?: on| in)? $",
    re.IGNORECASE,
)
