"""The tables that published cards have: counted, averaged, ranked and signed by rule."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.card.board import TASKS, Board, board
from bot.card.facts import Facts, Table
from bot.card.score_tables import Shown, score_tables
from bot.card.score_tables.differences import signed
from bot.card.score_tables.summary import tally
from bot.records import Measurement
from tests.card.examples import BASE_MEASUREMENT, QX64_HI, QX86_HI, card_facts

thousandths = st.integers(0, 1000).map(lambda n: n / 1000)
columns = st.lists(thousandths, min_size=len(TASKS), max_size=len(TASKS))


def known(mine: list[float], theirs: list[float], *tables: Table) -> Facts:
    return Facts(
        card="A-q6-mlx",
        base_model="o/A",
        recipe="q6",
        scores={"q6": dict(zip(TASKS, mine, strict=True)), "q4": dict(zip(TASKS, theirs, strict=True))},
        tables=tables,
    )


def shown(facts: Facts, kind: str) -> Shown:
    return next(table for table in score_tables(facts, board(facts)) if table.kind == kind)


def tallied(found: Board) -> tuple[int, int, int, float]:
    counted = tally(found, found.model("q6"), found.model("q4"))
    assert counted.mean is not None
    return len(counted.wins), len(counted.ties), len(counted.losses), counted.mean


@given(mine=columns, theirs=columns)
def test_every_task_is_won_tied_or_lost(mine: list[float], theirs: list[float]) -> None:
    """The three add up, the mean is that of the differences, and the other side sees the mirror image."""
    wins, ties, losses, mean = tallied(board(known(mine, theirs)))
    assert wins + ties + losses == len(TASKS)
    assert wins == sum(a > b for a, b in zip(mine, theirs, strict=True))
    assert mean == pytest.approx(statistics.fmean(mine) - statistics.fmean(theirs), abs=1e-9)
    *mirrored, opposite = tallied(board(known(theirs, mine)))
    assert mirrored == [losses, ties, wins]
    assert opposite == pytest.approx(-mean)


@given(mine=columns, theirs=columns)
def test_a_row_contradicts_itself_nowhere(mine: list[float], theirs: list[float]) -> None:
    """The printed difference is that of the printed scores, and names the leader."""
    table = Table(kind="difference", title="x", subject="q6", against=("q4",), delta="leader in brackets")
    for _, a, b, difference in shown(known(mine, theirs, table), "difference").rows:
        value, leader = difference.split(" ")
        assert float(value.replace("±", "")) == pytest.approx(float(a) - float(b), abs=1e-9)
        assert leader == ("(tie)" if a == b else "(q6)" if float(a) > float(b) else "(q4)")


@pytest.mark.parametrize(
    ("value", "form", "printed"),
    [
        (0.02, "", "+0.020"), (-0.0004, "", "±0.000"), (0.0, "zero as 0.000", "0.000"),
        (0.0, "signed, 3 decimals, zero as ±0.000", "±0.000"), (0.0123, "2 decimals", "+0.01"),
        (None, "", "not published"),
    ],
)  # fmt: skip
def test_a_difference_is_written_as_the_table_asks(value: float | None, form: str, printed: str) -> None:
    """Sign, digits, and its own way to write zero."""
    assert signed(value, form) == printed


def test_a_remark_tells_the_place_and_the_distance() -> None:
    """Among the models shown; ties are shared, and the last one is called lowest."""
    scores = {
        "q6": {"boolq": 0.8, "piqa": 0.7, "arc_easy": 0.5, "openbookqa": 0.4},
        "q4": {"boolq": 0.7, "piqa": 0.7, "arc_easy": 0.6, "openbookqa": 0.4},
        "q8": {"boolq": 0.75, "piqa": 0.6, "arc_easy": 0.7, "openbookqa": 0.4},
    }
    table = Table(kind="scores", title="x", subject="q6", against=("q4", "q8"))
    facts = replace(known([0] * 7, [0] * 7, table), scores=scores)
    assert {row[0]: row[-1] for row in shown(facts, "scores").rows} == {
        "BoolQ": "highest of 3, 0.050 ahead of q8",
        "PIQA": "highest of 3, shared with q4, 0.100 ahead of q8",
        "ARC Easy": "lowest of 3, 0.200 behind q8",
        "OpenBookQA": "the same as q4 and q8",
    }


def test_what_is_within_noise_of_the_best_counts_as_good() -> None:
    """Measured: the smallest of those is the one to take. Only reported: the higher mean decides."""
    measured = {row[0]: row for row in shown(card_facts(), "use_cases").rows}
    science = measured["Science questions that need reasoning"]
    assert science[1] == "qx64-hi"
    assert "(within noise); the smallest of qx86-hi, base and qx64-hi" in science[2]
    table = Table(kind="use_cases", title="x", subject="q6", against=("q4",))
    reported = shown(known([0.4, 0.5, *[0.5] * 5], [0.4, 0.501, *[0.5] * 5], table), "use_cases").rows
    assert [row[1] for row in reported] == ["q4", "either", "either", "either"]


def test_a_task_that_says_nothing_is_never_counted() -> None:
    """BoolQ answered by one choice throughout by quant and base: no win, no need that it could answer."""

    def rote(found: Measurement) -> Measurement:
        tasks = tuple(
            replace(s, value=0.62, answers=(0, s.n), correct=(1243, 2027)) if s.task == "boolq" else s
            for s in found.tasks
        )
        return replace(found, tasks=tasks)

    facts = card_facts(mine=rote(QX86_HI), base_measurement=rote(BASE_MEASUREMENT), others=(QX64_HI,))
    found = board(facts)
    assert found.silent == ("boolq",)
    assert "boolq" not in tally(found, found.subject, found.model("base")).gaps
    assert "Answering from a text that is given" not in {row[0] for row in shown(facts, "use_cases").rows}
