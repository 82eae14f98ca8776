"""The vocabulary of claims: relations, superlatives, links, and what else a sentence about scores is made of.

A phrase is a tuple of lower-case words; the scanner takes the longest that fits. Verbs and adjectives are
written once and inflected here.
"""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from bot.records import Record

Axis = Literal["quality", "value", "size", "speed"]
Strength = Literal["", "slight", "big", "crushing", "same", "close"]


class Relation(Record, frozen=True, kw_only=True):
    """A stands so to B. `sign`: +1 more or better, -1 less or worse, 0 alike. `direct`: takes an object.

    `soft`: praise or blame that nobody can refute by a number (excels, struggles).
    """

    sign: int
    axis: Axis = "quality"
    strength: Strength = ""
    direct: bool = False
    soft: bool = False
    noun: bool = False


class Superlative(Record, frozen=True, kw_only=True):
    """The one that stands first (+1) or last (-1) of all. `rank`: counted from the best."""

    sign: int
    axis: Axis = "quality"
    rank: int = 1
    alone: bool = False


class Word(Record, frozen=True, kw_only=True):
    """Any other word that matters: its kind, and a value where the kind has one."""

    kind: Literal[
        "link", "not", "doubt", "strength", "cut", "tasks", "group", "pronoun", "metric", "part", "bound",
        "win", "perfect", "only", "performance", "arrow", "by", "times", "from", "such", "advice",
    ]  # fmt: skip
    value: str = ""


Entry = Relation | Superlative | Word
Phrase = tuple[str, ...]
WORDS: dict[Phrase, Entry] = {}


_GOVERNS = (" to", " with", " as", " than", " of", " from", " where")


def _add(entry: Entry, *phrases: str) -> None:
    for phrase in phrases:
        governs = isinstance(entry, Relation) and phrase.endswith(_GOVERNS)
        WORDS.setdefault(
            tuple(phrase.replace("-", " ").split()), replace(entry, direct=True) if governs else entry
        )


def _forms(verb: str) -> tuple[str, ...]:
    """`lag behind` -> lags behind, lagged behind, lagging behind. Irregular past forms are given after a slash."""
    whole, *past = verb.split("/")
    head, _, rest = whole.partition(" ")
    tail = f" {rest}" if rest else ""
    if head.endswith(("s", "sh", "ch", "x", "o")):
        third = f"{head}es"
    elif head.endswith("y") and head[-2] not in "aeiou":
        third = f"{head[:-1]}ies"
    else:
        third = f"{head}s"
    stem = head.removesuffix("e")
    doubled = head + head[-1] if len(head) <= 4 and head[-1] in "pgtmb" and head[-2] in "aiou" else stem
    ed = f"{head[:-1]}ied" if third.endswith("ies") else f"{doubled}ed"
    return tuple(f"{form}{tail}" for form in (head, third, ed, f"{doubled}ing", *past))


def _verbs(entry: Entry, *verbs: str) -> None:
    for verb in verbs:
        _add(entry, *_forms(verb))


_verbs(
    Relation(sign=1, direct=True),
    "outperform", "beat/beaten", "surpass", "exceed", "outscore", "outclass", "outdo/outdoes/outdid",
    "edge out", "edge past", "edge ahead of", "overtake/overtook", "outrank", "eclipse", "outpace", "outshine",
    "defeat", "win over/won over", "win against/won against", "pull ahead of", "come out ahead of/came out ahead of",
    "improve on", "improve upon", "improve over", "gain on", "lead/led",
)  # fmt: skip
_verbs(
    Relation(sign=1, direct=True, strength="crushing"),
    "crush", "dominate", "demolish", "destroy", "obliterate", "trounce", "annihilate", "smash", "steamroll",
    "blow away/blew away", "wipe the floor with", "run circles around", "tower over",
)  # fmt: skip
_verbs(
    Relation(sign=-1, direct=True),
    "trail", "lag behind", "fall behind/fell behind/fallen behind", "fall short of/fell short of", "lose to/lost to",
    "underperform", "trail behind", "come in behind/came in behind", "finish behind", "sit behind/sat behind",
)  # fmt: skip
_verbs(
    Relation(sign=1),
    "win/won/winning", "improve", "gain", "come out ahead/came out ahead",
    "pull ahead", "benefit", "edge ahead", "perform better", "score higher", "do better/did better",
    "come out on top/came out on top",
)  # fmt: skip
_verbs(
    Relation(sign=1, axis="value"),
    "rise/rose/risen", "climb", "jump", "increase", "go up/went up", "move up", "grow/grew",
)  # fmt: skip
_verbs(
    Relation(sign=-1, axis="value"),
    "drop", "dip", "decline", "slip", "decrease", "fall/fell/fallen", "go down/went down", "shrink", "slide/slid",
    "cut", "halve", "reduce",
)  # fmt: skip
_verbs(Relation(sign=1, soft=True), "excel", "shine/shone", "boost", "thrive")
_verbs(
    Relation(sign=-1),
    "lag", "lose/lost", "regress", "degrade", "suffer", "give up/gave up", "perform worse", "score lower",
    "do worse/did worse", "come out behind/came out behind",
)  # fmt: skip
_verbs(Relation(sign=-1, soft=True), "struggle", "fail", "sacrifice", "stumble")
_verbs(
    Relation(sign=0, strength="same", direct=True),
    "tie with",
    "equal",
    "draw with/drew with",
    "draw level with",
)
_verbs(
    Relation(sign=0, strength="close", direct=True),
    "match",
    "near match",
    "mirror",
    "keep pace with/kept pace with",
    "keep up with/kept up with",
)
_verbs(Relation(sign=0, strength="same"), "tie")
_add(Relation(sign=1, direct=True), "tops")
_add(Relation(sign=1, direct=True), "ahead of", "in front of", "better than", "superior to")
_add(Relation(sign=1, axis="value", direct=True), "above")
_add(Relation(sign=-1, axis="value", direct=True), "below")
_add(Relation(sign=-1, direct=True), "behind", "short of")
_add(Relation(sign=1), "ahead", "better", "superior", "stronger", "in front", "in the lead", "more accurate")
_add(Relation(sign=1, axis="value"), "higher", "greater", "up", "\u2191", "raised")
_add(Relation(sign=1, noun=True), "improvement", "improvements", "advantage", "edge", "upper hand", "lead", "gains",
     "boost", "uplift", "bump", "margin", "benefit", "win", "surplus", "advantages", "improved")  # fmt: skip
_add(Relation(sign=1, noun=True, strength="big"), "leap", "leaps")
_add(Relation(sign=-1), "worse", "weaker", "inferior", "less accurate")
_add(Relation(sign=-1, axis="value"), "lower", "down", "\u2193", "fewer", "less", "reduced")
_add(
    Relation(sign=-1, noun=True),
    "loss",
    "losses",
    "deficit",
    "regression",
    "regressions",
    "degradation",
    "setback",
    "drop off",
    "shortfall",
    "penalty",
    "net loss",
)
_add(Relation(sign=-1, axis="value", noun=True), "reduction")  # fmt: skip
_add(Relation(sign=-1, soft=True), "weak", "weakness", "weaknesses")
_add(Relation(sign=1, soft=True), "strong", "strength", "strengths", "robust", "better suited")
_add(Relation(sign=0, strength="same", axis="value"), "identical", "identically", "the same", "same", "tied", "equal",
     "equally", "unchanged", "exactly where", "no difference", "no measurable difference", "no real difference", "no visible difference", "dead heat", "a tie", "a draw", "even with",
     "exactly the same", "no change", "level with", "exactly as", "exact same", "equals", "in a tie", "parity with")  # fmt: skip
_close = Relation(sign=0, strength="close")
for nearly in (
    "near",
    "nearly",
    "almost",
    "practically",
    "virtually",
    "essentially",
    "basically",
    "effectively",
):
    for alike in (
        "identical",
        "equivalent",
        "the same",
        "indistinguishable",
        "equal",
        "unchanged",
        "tied",
        "matches",
        "lossless",
        "as good as",
        "on par with",
        "parity",
    ):
        _add(_close, f"{nearly} {alike}")
_add(_close, "on par with", "on par", "comparable", "close to", "very close to", "very close", "equivalent", "indistinguishable",
     "within noise", "neck and neck", "in line with", "as good as", "next to", "right beside", "within a hair of", "similar",
     "on a par with", "negligible difference", "no significant difference", "no meaningful difference", "statistically tied", "lossless", "hardly different from")  # fmt: skip
_add(Relation(sign=-1, axis="size"), "smaller", "lighter", "more compact", "less memory", "less space", "less disk",
     "less ram", "more compressed", "less disk space", "smaller footprint", "smaller size", "slimmer")  # fmt: skip
_add(
    Relation(sign=1, axis="size"),
    "larger",
    "bigger",
    "heavier",
    "more memory",
    "more space",
    "more disk",
    "more ram",
)
_add(Relation(sign=1, axis="speed"), "faster", "quicker", "speedup", "speed up", "more tokens per second")
_add(Relation(sign=-1, axis="speed"), "slower")

_add(Superlative(sign=1), "best", "highest", "strongest", "first place", "top spot", "top score", "top", "the lead of", "number one",
     "no. 1", "most accurate", "winner", "the crown", "ranks first", "rank first", "first overall", "best overall", "leader",
     "comes first", "came first", "leads the table", "leads the pack", "tops the table", "tops the chart", "finest", "leads the board",
     "unbeaten", "unmatched", "leads all models", "the top performer", "beats everything else", "beats them all")  # fmt: skip
_add(Superlative(sign=-1), "worst", "weakest", "last place", "last", "least accurate", "poorest", "bottom of the table", "comes last",
     "came last", "ranks last", "at the bottom", "brings up the rear")  # fmt: skip
_add(Superlative(sign=-1, axis="value"), "lowest")
_add(Superlative(sign=1, axis="value"), "largest", "biggest", "greatest")
_add(Superlative(sign=-1, axis="size"), "smallest", "lightest", "most compact")
_add(Superlative(sign=1, axis="speed"), "fastest", "quickest")
_add(Superlative(sign=-1, axis="speed"), "slowest")
for place, name in ((2, "second"), (3, "third"), (4, "fourth")):
    _add(Superlative(sign=1, rank=place), f"{name} best", f"{name} place", f"{name} highest", f"ranks {name}", f"comes {name}",
         f"finishes {name}", f"places {name}", f"came {name}", f"{name} spot")  # fmt: skip
_add(Superlative(sign=1, rank=2), "runner up")

_add(
    Word(kind="advice"),
    "stick with",
    "go with",
    "stay with",
    "opt for",
    "choose",
    "pick",
    "prefer",
    "use",
    "stick to",
    "switch to",
)
_add(Word(kind="link"), "than", "vs", "versus", "v", "over", "against", "compared to", "compared with", "in comparison to",
     "in comparison with", "comparison to", "relative to", "to", "that of", "those of", "with", "as", "beside",
     "alongside", "instead of", "versus the", "by comparison with", "where", "the one of", "opposed to")  # fmt: skip
_add(
    Word(kind="such"),
    "such as",
    "like",
    "namely",
    "including",
    "especially",
    "particularly",
    "notably",
    "e.g",
    "for example",
)
_add(Word(kind="from"), "from", "out from")
_add(Word(kind="by"), "by")
_add(Word(kind="not"), "not", "no", "never", "isn't", "doesn't", "don't", "didn't", "won't", "can't", "cannot", "aren't", "wasn't",
     "without", "neither", "nor", "nowhere", "hardly ever", "none", "zero", "without any", "fails to", "failed to", "unable to")  # fmt: skip
_add(Word(kind="doubt"), "may", "might", "could", "would", "should", "if", "suggests", "suggesting", "probably", "likely",
     "perhaps", "possibly", "hopefully", "hypothesis", "want", "expected", "believe", "feels", "feel", "seems", "appears",
     "imagine", "report", "ideal", "aims", "designed", "unless", "whether", "how can", "hope", "goal", "future", "ever", "potential", "can", "your earlier", "earlier work", "previous", "previously", "prior")  # fmt: skip
_add(Word(kind="strength", value="slight"), "slight", "slightly", "marginal", "marginally", "minor", "tiny", "a bit", "a few",
     "a few points", "modest", "modestly", "barely", "a hair", "small", "a little", "narrowly", "just", "fractionally", "minimal", "minimally", "a touch", "a tad", "a shade")  # fmt: skip
_add(Word(kind="strength", value="big"), "massive", "massively", "huge", "hugely", "dramatic", "dramatically", "vast", "vastly",
     "enormous", "enormously", "tremendous", "giant", "by far", "far", "a landslide", "gigantic", "staggering", "wide", "spectacular")  # fmt: skip
_add(Word(kind="cut"), "while", "whereas", "although", "though", "but", "however", "yet", "because", "since", "despite", "which",
     "meaning", "even though", "in exchange for", "at the cost of", "whilst", "except that", "due to", "thanks to", "trading", "so that")  # fmt: skip
_add(Word(kind="tasks", value="except"), "except", "except for", "except on", "apart from", "other than", "aside from", "with the exception of",
     "excluding", "save for", "everything but", "all but", "every task but", "all tasks but", "every benchmark but", "all benchmarks but", "bar", "barring")  # fmt: skip
_add(Word(kind="tasks", value="all"), "all tasks", "every task", "each task", "all benchmarks", "every benchmark", "every single benchmark",
     "every single task", "all metrics", "every metric", "all the tasks", "all the benchmarks", "across the board", "everywhere",
     "consistently", "always", "invariably", "all tests", "every test", "each benchmark", "across all metrics", "all of them",
     "across all tasks", "without exception", "uniformly", "each and every task", "all categories", "every category", "all scores",
     "across every task", "on everything", "all evaluations", "all of the tasks", "all of the benchmarks", "in every respect")  # fmt: skip
_add(Word(kind="tasks", value="most"), "most tasks", "most benchmarks", "most metrics", "most of the tasks", "most of the benchmarks",
     "the majority of tasks", "the majority of benchmarks", "most tests", "most of the time", "most categories", "a majority of tasks", "more often than not", "most of them")  # fmt: skip
_add(Word(kind="tasks", value="else"), "everything else", "all other tasks", "the other tasks", "every other task", "all others tasks",
     "the remaining tasks", "the rest of the tasks", "all other benchmarks", "the other benchmarks", "every other benchmark",
     "the remaining benchmarks", "all remaining tasks", "all the other tasks", "elsewhere", "the other metrics", "all other metrics")  # fmt: skip
_add(Word(kind="group", value="others"), "both competitors", "both rivals", "both alternatives", "both others", "all others", "all rivals",
     "all competitors", "the others", "the other models", "the other quants", "the other two", "the other three", "its siblings",
     "its rivals", "its competitors", "the competition", "every other quant", "every other model", "all other quants", "competitors",
     "all other models", "the rest", "rivals", "the other two models", "the other three quants", "the other two quants", "each rival",
     "the rest of the family", "everything else here", "others", "competitor models", "other models", "all the others", "the opposition", "both of its rivals", "both other models", "both other quants", "both baselines", "all its siblings")  # fmt: skip
_add(Word(kind="group", value="all"), "both models", "both quants", "the two models", "the two quants", "the two", "both", "all models",
     "all quants", "all four", "all three", "either model", "both versions", "both variants", "the pair", "all four quants", "all of the models", "each model", "the models", "all three models", "all four models", "every model", "every quant", "either")  # fmt: skip
_add(
    Word(kind="pronoun"),
    "it",
    "this model",
    "this quant",
    "this one",
    "the model",
    "this version",
    "this recipe",
    "the quant",
    "its",
    "this variant",
)
_add(Word(kind="metric", value="mean"), "average", "averages", "averaged", "averaging", "mean", "avg", "on average", "overall score", "mean score", "average score",
     "mean accuracy", "average accuracy", "avg.", "overall average", "mean of all", "overall")  # fmt: skip
_add(Word(kind="metric", value="perplexity"), "perplexity", "ppl")
_add(Word(kind="metric", value="kl"), "kl", "kl divergence", "kld", "divergence")
_add(
    Word(kind="metric", value="size"),
    "size",
    "file size",
    "on disk",
    "disk",
    "footprint",
    "memory footprint",
    "memory",
    "ram",
    "disk space",
    "weighs",
)
_add(
    Word(kind="metric", value="speed"),
    "speed",
    "throughput",
    "tokens per second",
    "generation speed",
    "tps",
    "tok/sec",
)
_add(
    Word(kind="metric", value="parameters"),
    "parameters",
    "params",
    "parameter",
    "parameter count",
    "weights count",
)
_add(Word(kind="metric", value="bits per weight"), "bits per weight", "bpw")
_add(Word(kind="part", value="head"), "head", "heads", "attention", "embedding", "embeddings", "lm head", "output layer", "head layer",
     "attention paths", "attention layers", "attention path", "attention heads", "attention weights")  # fmt: skip
_add(Word(kind="part", value="data"), "data", "data paths", "data weights", "data path", "data layers", "ffn", "experts", "expert weights",
     "feed forward", "everything else at", "mlp", "bulk", "bulk of the weights", "other weights")  # fmt: skip
_add(Word(kind="part", value="group"), "group size", "groups of", "group")
for bound, phrases in {
    "about": "about around roughly approximately nearly almost ~ some approx. circa",
    "least": "over exceeding",
    "most": "under below",
}.items():  # fmt: skip
    for phrase in phrases.split():
        if (phrase,) not in WORDS:
            _add(Word(kind="bound", value=bound), phrase)
_add(Word(kind="bound", value="about"), "close to a", "just about", "just over", "just under")
_add(
    Word(kind="bound", value="least"),
    "at least",
    "more than",
    "no less than",
    "not less than",
    "upwards of",
    "greater than",
)
_add(
    Word(kind="bound", value="most"),
    "at most",
    "less than",
    "no more than",
    "up to",
    "as much as",
    "fewer than",
    "within",
    "as many as",
    "not more than",
)
_add(Word(kind="win"), "win rate", "winning rate", "win ratio", "win percentage")
_add(Relation(sign=1, noun=True), "victories")
_add(Relation(sign=0, strength="same", noun=True), "draws", "draw")
_add(
    Word(kind="perfect"),
    "near perfect",
    "nearly perfect",
    "flawless",
    "flawlessly",
    "perfect score",
    "perfect",
    "almost perfect",
    "faultless",
    "impeccable",
)
_add(Word(kind="only"), "only", "sole", "solely", "exclusively", "single exception", "the one")
_add(Word(kind="performance"), "performance", "score", "scores", "accuracy", "results", "benchmark", "benchmarks", "tasks", "task", "metrics",
     "metric", "tests", "test", "evaluation", "evaluations", "evals", "overall", "reasoning", "numbers", "quality", "categories", "datasets", "suite", "category")  # fmt: skip
for word, value in (("half", "0.5"), ("twice", "2"), ("double", "2"), ("doubles", "2"), ("triple", "3"), ("a third", "0.3333"),
                    ("a quarter", "0.25"), ("two thirds", "0.6667"), ("three quarters", "0.75"), ("thrice", "3"), ("halves", "0.5"), ("one third", "0.3333"), ("one quarter", "0.25"), ("in half", "0.5"), ("by half", "0.5")):  # fmt: skip
    _add(Word(kind="times", value=value), word)
_add(Word(kind="arrow"), "\u2192")
STARTS = frozenset(phrase[0] for phrase in WORDS)
LONGEST = max(len(phrase) for phrase in WORDS)
