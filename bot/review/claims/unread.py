"""Words of a clause that the grammar does not know: where there is one, nothing is called false."""

from __future__ import annotations

import re

from bot.review.claims.clause import Clause

# Words that change nothing: what a sentence is built with, and the nouns, adjectives and verbs of model cards
# that neither compare nor turn a comparison round.
_HARMLESS = frozenset(
    """
    a about above absolute abstract accuracy achieve achieved achieves across after again against agent
    agentic agents all along already also always among amount amounts an and another answering any
    anything are around as at attention average averages balance bare base be because been before behind
    being below benchmark benchmarked benchmarks besides best between beyond big billion bit bits board
    bonus book both brother bunch but by call calls came card case cases causal champion change chart
    chat checkpoint checkpoints clean clear code coding column come comes comfortable common commonsense
    compared comparison completion complex comprehension conclusion contextual core creative critical
    crown crowns crucial cushion data dead decent deliver delivered delivers dense detail details
    deviates deviation did differ difference differences differs disk distance do does down download
    during e e.g each eight else end ended ends entire essential evaluated evaluation even every
    everybody everyday everyone exact exam exams exception expect expected experts explain explains
    factual family field figure figures file files find finding findings finds finish finished finishes
    first fit fits five footprint for format formula four fourth free from full gap gb general generate
    generates generation generations get gets gib go goes going gone good got great group had hair has
    have he head healthy held here hi high high-level hit hits hold holds how i i.e if important
    impressive in inference insight insights instruct into is it its just keep keeps kept key king
    knowledge language large layer layers lead least less lies like likes list little ll logic logical
    look looking looks lot low mac made main major make makes manage managed manages margin mark math
    maths matter matters max mb measurable measure measured measurement measures memory mere mixed mlx
    model models modest more most move moved moves multi narrative narrow need needed needs negligible
    nice nine no noise noisy not notable notch note noticeable now number numbers of off often on once
    one only open or order original other others our out output outputs over overall pack parameters
    params path paths per perform performance performs perplexities physical picture place placed places
    plain point points posted posts precision prevails primary problem problem-solving problems pronoun
    pure quality quant quantised quantization quantized quants queen question questions quite qx ram ran
    range ranges rank ranking ranks rare rating ratings razor re reach reached reaches reader readers
    reading real reasoning recipe recipes record reference relative remain remaining remains remarkable
    resolution respectable respectively rest result results retain retains rough row run runs s same sat
    saw science score scoreboard scores sec second seconds see see'll sees sense seven share she sheer
    short show showed shown shows shrink shrinks sibling siblings simple since single sit sits six size
    sizes small so solid solving something sometimes space specific speed spot stable stand standing
    standings stands stay stayed stays step still storage stored stores straight strict suite summary
    surprise surprised surprises surprising t table takeaway takeaways tally task tasks ten terms test
    tested tests text than that the their them then there these they thin thing things third this those
    though three throughput tidy time times tiny to today tok tokens too tool tools total toward towards
    twice two under understanding until up us use used user users uses using value values variant
    variants verdict version versions very visible vital want wants was way we weighs weights went were
    what when where which while whisker who whole whopping why wide will with within without world worst
    writing yes you you'll your
    """.split()  # noqa: SIM905
)
_WORD = re.compile(r"[A-Za-z][A-Za-z']*")
_GLOSS = re.compile(r"\([^()]*\)|\"[^\"]*\"")
_SILENT = re.compile(r"ly$|'s$|s'$")


def unread(clause: Clause, start: int, end: int) -> str:
    """The first word up to the end of a claim that is neither a mention nor harmless; empty: there is none.

    What stands before a colon, in brackets or in quotation marks is left out.
    """
    first = max(clause.start, clause.text.rfind(": ", clause.start, start))
    text = _GLOSS.sub(lambda gloss: " " * len(gloss[0]), clause.text[first:end])
    at = 0
    for found in _WORD.finditer(text):
        place = first + found.start()
        while at < len(clause.tokens) and clause.tokens[at].end <= place:
            at += 1
        if at < len(clause.tokens) and clause.tokens[at].start <= place:
            continue
        if not _known(text, found):
            return found[0]
    return ""


def _known(text: str, found: re.Match[str]) -> bool:
    word = found[0].lower()
    if len(word) == 1 or word in _HARMLESS or _SILENT.search(word):
        return True
    inside = found.start() > 0 and (text[found.start() - 1].isalnum() or text[found.start() - 1] in "-_./")
    return inside or (found[0][0].isupper() and found[0] != found[0].capitalize())
