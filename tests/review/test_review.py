"""What the review says about a quant follows from the measurements, and says no more than they do."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.recipes.mac.memory import FILL, table
from bot.records import Measurement, Review
from bot.review.compare import compare, silent_tasks
from bot.review.macs import fits, smallest_mac
from bot.review.review import review
from tests.card.examples import BASE_MEASUREMENT, MXFP4, QX86_HI, card_facts, measurement

GIB = 2**30
scores = st.lists(st.integers(5, 95).map(lambda n: n / 100), min_size=7, max_size=7).map(tuple)


def said(facts_review: Review) -> str:
    return " ".join((facts_review.verdict, *facts_review.sentences))


def test_verdict_within_noise_names_size_and_mac() -> None:
    """A quant that differs nowhere beyond noise is said to be within noise of its base, in one sentence."""
    assert review(card_facts()).verdict == (
        "qx86-hi takes 8.3 GiB (8.55 bits per weight), fits a Mac with 16 GB of memory, and is within noise "
        "of its base on all 7 tasks that say something here."
    )


def test_verdict_names_what_is_lost_and_gained_beyond_noise() -> None:
    """Losses come first, largest first, with signed differences; the rest is called within noise."""
    mine = measurement("q4-hi", (0.464, 0.483, 0.876, 0.527, 0.398, 0.717, 0.575), 14.9, 250.0, 4.9, 5.0)
    assert review(card_facts(mine=mine, others=())).verdict.endswith(
        "loses ARC Easy (-0.100) and HellaSwag (-0.100) and gains BoolQ (+0.050) against its base "
        "beyond noise, with the other 4 tasks within noise."
    )


def test_many_losses_are_counted_in_the_verdict_and_named_below() -> None:
    """From three losses on the verdict counts them; the sentence on the base names all of them."""
    mine = measurement("qx52", (0.364, 0.483, 0.726, 0.427, 0.398, 0.717, 0.575), 19.0, 250.0, 3.9, 4.0)
    found = review(card_facts(mine=mine, others=()))
    assert "loses on 4 tasks, most on HellaSwag (-0.200) against its base beyond noise" in found.verdict
    named = "HellaSwag (-0.200), ARC Challenge (-0.100), ARC Easy (-0.100) and BoolQ (-0.100)"
    assert any(named in sentence for sentence in found.sentences)


def test_small_differences_are_no_gain_and_no_loss() -> None:
    """The seeds' kind of difference (a few thousandths on a few hundred questions) is never called either."""
    text = said(review(card_facts(others=())))
    assert "gains" not in text.split()
    assert "loses" not in text.split()
    assert "(+0.003)" not in text  # Winogrande's difference, far inside its standard error


def test_seven_tries_need_a_stronger_difference_than_one() -> None:
    """A difference that one test would call significant is within noise among seven (Holm)."""
    mine = measurement("q4-hi", (0.464, 0.583, 0.826, 0.627, 0.328, 0.717, 0.575), 12.9, 200.0, 4.9, 5.0)
    alone, tasks = (0.398 - 0.328) / (2 * 0.0215**2) ** 0.5, compare(mine, "base", BASE_MEASUREMENT).tasks
    assert alone > 1.96  # of OpenBookQA's standard error
    assert next(d for d in tasks if d.task == "openbookqa").value == pytest.approx(-0.07)
    assert not any(d.beyond_noise for d in tasks)


def test_unmeasured_base_gives_no_claim_about_quality() -> None:
    """Without the base's measurement the verdict says that the cost is not known."""
    verdict = review(card_facts(base_measurement=None)).verdict
    assert verdict.endswith("has no measured base to be compared with: what quantizing cost is not known.")


def test_siblings_alike_share_a_sentence_and_others_have_their_own() -> None:
    """Siblings within noise are told together, those beyond noise each with what differs."""
    sentences = review(card_facts()).sentences
    assert (
        "Against qx64-hi every task that says something is within noise, and so is perplexity." in sentences
    )
    (about,) = [s for s in sentences if s.startswith("Against mxfp4")]
    assert "gains BoolQ (+0.031) and HellaSwag (+0.029) beyond noise" in about
    assert "its perplexity is 7.8 % lower (beyond noise)" in about


def test_smaller_sibling_that_is_no_worse_is_recommended() -> None:
    """The smallest sibling that is nowhere worse beyond noise is named; one that is worse is not."""
    sentences = said(review(card_facts()))
    assert "The smaller qx64-hi (6.1 GiB) is not worse beyond noise" in sentences
    assert "The smaller mxfp4" not in sentences
    assert "The smaller" not in said(review(card_facts(mine=MXFP4)))


def rote(found: Measurement, task: str) -> Measurement:
    """The same measurement, with `task` answered by its second choice throughout."""
    return replace(
        found,
        tasks=tuple(
            replace(s, value=0.5, stderr=0.01, answers=(0, s.n), correct=(s.n // 2, s.n - s.n // 2))
            if s.task == task
            else s
            for s in found.tasks
        ),
    )


def test_task_without_meaning_is_named_and_left_out() -> None:
    """A task answered by rote by base and quant is named with the reason and counts nowhere."""
    mine, base = rote(QX86_HI, "boolq"), rote(BASE_MEASUREMENT, "boolq")
    found = review(card_facts(mine=mine, base_measurement=base, others=()))
    assert found.says_nothing == ("boolq",)
    assert "on all 6 tasks that say something here" in found.verdict
    assert "BoolQ says nothing here: choice 2 is given in 100.0% of the answers." in found.sentences


def test_quant_that_fell_to_answering_by_rote_has_lost() -> None:
    """Where the base does answer, a quant that gives one choice throughout shows a loss, not silence."""
    found = review(card_facts(mine=rote(QX86_HI, "boolq"), others=()))
    assert found.says_nothing == ()
    assert "loses BoolQ (-0.326) against its base beyond noise" in found.verdict


def test_all_tasks_silent_is_said() -> None:
    """When no task says anything the verdict claims nothing about quality."""
    mine, base = QX86_HI, BASE_MEASUREMENT
    for task in (score.task for score in QX86_HI.tasks):
        mine, base = rote(mine, task), rote(base, task)
    verdict = review(card_facts(mine=mine, base_measurement=base, others=())).verdict
    assert verdict.endswith("none of its 7 tasks says anything here.")


def test_perplexity_on_other_text_is_not_compared() -> None:
    """Perplexities of different data, samples or lengths stand beside each other but give no sentence."""
    assert BASE_MEASUREMENT.perplexity is not None
    other = replace(BASE_MEASUREMENT, perplexity=replace(BASE_MEASUREMENT.perplexity, samples=16))
    assert compare(QX86_HI, "base", other).perplexity is None
    assert "perplexity" not in said(review(card_facts(base_measurement=other, others=())))


@settings(max_examples=100, deadline=None)
@given(mine=scores, theirs=scores)
def test_comparison_is_its_own_mirror(mine: tuple[float, ...], theirs: tuple[float, ...]) -> None:
    """What this one gains against the other, the other loses against this one, by the same amounts."""
    a, b = measurement("q8", mine, 10.0, 9.0, 8.0), measurement("q4", theirs, 11.0, 9.0, 4.0)
    there, back = compare(a, "q4", b), compare(b, "q8", a)
    assert [(d.task, -d.value) for d in there.gains] == [(d.task, d.value) for d in back.losses]
    assert len(there.gains) + len(there.losses) + len(there.within_noise) == len(there.tasks)


@settings(max_examples=100, deadline=None)
@given(mine=scores, base=scores)
def test_every_difference_in_a_sentence_is_a_difference_of_two_scores(
    mine: tuple[float, ...], base: tuple[float, ...]
) -> None:
    """No number appears that the measurements do not give: each signed difference is one of theirs."""
    a, b = measurement("q8", mine, 10.0, 9.0, 8.0, 8.5), measurement(None, base, 9.0, 9.0, 16.0)
    real = {f"{x.value - y.value:+.3f}" for x, y in zip(a.tasks, b.tasks, strict=True)}
    shown = re.findall(r"\(([+-]\d\.\d{3})\)", said(review(card_facts(a, b, others=()))))
    assert set(shown) <= real


@settings(max_examples=100, deadline=None)
@given(mine=scores, base=scores)
def test_silent_tasks_are_in_no_comparison_with_the_base(
    mine: tuple[float, ...], base: tuple[float, ...]
) -> None:
    """A task is either compared with the base or said to say nothing, never both, never neither."""
    a, b = measurement("q8", mine, 10.0, 9.0, 8.0), measurement(None, base, 9.0, 9.0, 16.0)
    compared = {d.task for d in compare(a, "base", b).tasks}
    silent = set(silent_tasks(a, b))
    assert compared | silent == {score.task for score in a.tasks}
    assert not compared & silent


class TestMacs:
    """Which Macs hold a model."""

    @pytest.mark.parametrize(
        ("gib", "memory"),
        [(0.01, 8), (10.6, 16), (10.7, 18), (31.0, 48), (62.0, 96), (96.7, 128), (97.0, 192)],
    )
    def test_working_set_counts_and_not_the_box(self, gib: float, memory: int) -> None:
        """A 62 GiB model does not fit a 64 GB Mac; 96.7 GiB are the most for one of 128 GB."""
        assert smallest_mac(int(gib * GIB)) == memory

    def test_larger_than_every_mac(self) -> None:
        """Nothing is claimed to fit that no Mac holds."""
        assert smallest_mac(500 * GIB) is None
        assert fits(500 * GIB) == "no single Mac"

    @given(st.integers(1, 600 * GIB))
    def test_what_fits_leaves_room(self, weight: int) -> None:
        """The Mac named has a tenth of its working set to spare; the next smaller one has not."""
        memory = smallest_mac(weight)
        sets = {row.memory: row.bytes for row in table().rows}
        smaller = [limit for size, limit in sets.items() if memory is None or size < memory]
        assert memory is None or weight <= FILL * sets[memory]
        assert all(weight > FILL * limit for limit in smaller)
