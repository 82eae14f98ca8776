"""What is held against the base before a patch lands, and which scores are then of other prompts. Pure."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bot.check.findings import Tokens
from bot.patch.decide import Fate
from bot.patch.patch import Patch
from bot.patch.trial import Side, Tried, judge, outdated
from bot.patch.words import message, patched_facts
from bot.records import Manifest, Measurement
from tests.card.examples import BASE, QX64_HI, card_facts

MEASURED_WITH = QX64_HI.chat_template_sha256
OTHER = 64 * "b"
TOKENS = Tokens(ids=((1, 2), (3,)), chats=("user: hi",), end_ids=(0,))


def side(**changes: object) -> Side:
    """A tokenizer that reads like the base's, but for the changes."""
    return Side(tokens=replace(TOKENS, **changes), chat_template_sha256=MEASURED_WITH)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (side(), ()),
        (side(ids=((1, 9), (3,))), ("1 of 2 fixed texts become other token ids than with the base",)),
        (side(end_ids=(0, 5)), ("an answer ends at the tokens 0, 5, the base's at 0",)),
        (side(chats=("user:  hi",)), ("a chat is rendered otherwise from character 6 on",)),
        (side(chats=()), ("the base's chat template is missing",)),
        (Side(refused="its tokenizer cannot be loaded: no vocabulary"), ("no vocabulary",)),
    ],
)
def test_a_patched_quant_is_held_against_its_base_as_one_that_is_made(
    after: Side, said: tuple[str, ...]
) -> None:
    """Token ids, rendered chats, end tokens; each difference is a sentence, none of them lets it through."""
    found = judge(side(), side(), after).complaints

    assert len(found) == len(said)
    assert all(words in complaint for words, complaint in zip(said, found, strict=True))


def test_what_changed_for_a_reader_is_told_from_the_quant_as_it_was() -> None:
    """Other ids, other chats, or neither; a tokenizer that could not be read before counts as another."""
    now = side(ids=((7,),), chats=("USER: hi",))
    assert judge(now, side(), now) == Tried(
        other_ids=True, other_chats=True, chat_template_sha256=MEASURED_WITH
    )
    assert judge(side(), side(), side()) == Tried(chat_template_sha256=MEASURED_WITH)
    assert judge(side(), Side(refused="broken"), side()).other_ids


def asked(chat_template: bool) -> Measurement:
    return replace(QX64_HI, settings=replace(QX64_HI.settings, chat_template=chat_template))


SAME = Tried(chat_template_sha256=MEASURED_WITH)
NEW_TEMPLATE = Tried(chat_template_sha256=OTHER, other_chats=True)


@pytest.mark.parametrize(
    ("measured", "tried", "said"),
    [
        (asked(True), SAME, ""),
        (asked(True), NEW_TEMPLATE, "with the former chat template (sha256 aaaaaaaaaaaa)"),
        (asked(True), replace(NEW_TEMPLATE, chat_template_sha256=None), "the former chat template"),
        (asked(True), replace(SAME, other_chats=True), "as it was rendered before"),
        (asked(True), replace(SAME, other_ids=True), "with the former tokenizer"),
        (asked(False), NEW_TEMPLATE, ""),
        (asked(False), replace(SAME, other_ids=True), "with the former tokenizer"),
        (replace(asked(True), tasks=()), NEW_TEMPLATE, ""),
        (replace(asked(True), tasks=(), perplexity=None), replace(SAME, other_ids=True), ""),
        (None, NEW_TEMPLATE, ""),
    ],
)
def test_scores_are_of_other_prompts_only_where_they_are(
    measured: Measurement | None, tried: Tried, said: str
) -> None:
    """A template matters to tasks asked with one, token ids to every number; dated by the measurement."""
    found = outdated(measured, tried)

    assert (said in found) if said else found == ""
    assert bool(found) == ("2026-01-02" in found)


FRESH = Manifest(
    repo="me/q", base=BASE.repo, base_sha="b" * 40, weights_sha=BASE.sha, recipe="q8", recipe_hash="c",
    base_gone="",
)  # fmt: skip
PATCH = Patch(base=replace(BASE, sha="b" * 40), before=BASE.sha, kind="tokenizer", account="me", endpoint="")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Fate(files=("tokenizer.json",)), "tokenizer of"),
        (Fate(files=("chat_template.jinja", "tokenizer_config.json")), "tokenizer and chat template of"),
        (
            Fate(
                files=("chat_template.jinja", "generation_config.json", "vocab.json"),
                removed=("params.json",),
            ),
            "tokenizer, chat template, generation config and other small files of",
        ),
        (Fate(), "no file of this quant changed"),
    ],
)
def test_the_update_names_what_came_and_of_which_revision(found: Fate, words: str) -> None:
    """In the card's line and in the commit's message; the base's revision on the card is the measured one."""
    facts = card_facts()

    line = patched_facts(facts, PATCH, FRESH, found, "", "2026-05-06").updates[0]

    assert words in line.why
    assert "b" * 12 in line.why
    assert (line.date, line.files) == ("2026-05-06", found.files)
    assert words.removesuffix(" of").capitalize() in message(PATCH, found) or not found.files
    assert all(path in line.why for path in found.removed)
    assert facts.measured is not None
    tagged = replace(PATCH, base=replace(PATCH.base, tags=("new",), license="mit", license_name=None))
    upstream = patched_facts(facts, tagged, FRESH, found, "", "2026-05-06").measured
    assert upstream is not None
    assert (upstream.base.sha, upstream.base.tags, upstream.base.license) == (BASE.sha, ("new",), "mit")
    renamed = patched_facts(
        facts, replace(PATCH, kind="renamed", renamed_to="they/New"), FRESH, Fate(), "", "2026-05-06"
    )
    assert renamed.measured is not None
    assert renamed.measured.base == replace(facts.measured.base, repo="they/New")
    assert renamed.measured.measurement == facts.measured.measurement
