"""Lines in batches: nothing is lost, nothing is asked twice, and less is computed than line by line."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.measure.engine.lines import STEP, Batch, Limits, Line, batches, groups

LIMITS = Limits(512, 2**20)

tokens = st.integers(0, 3)


@st.composite
def questions(draw: st.DrawFn) -> list[Line]:
    """Contexts with a few choices each, over so few words that beginnings often coincide."""
    lines = []
    for _ in range(draw(st.integers(1, 12))):
        context = tuple(draw(st.lists(tokens, min_size=1, max_size=60)))
        for _ in range(draw(st.integers(1, 4))):
            choice = tuple(draw(st.lists(tokens, min_size=1, max_size=8)))
            lines.append(Line(context + choice, len(context)))
    return lines


def read_back(batch: Batch, feature: int) -> tuple[int, ...]:
    """The tokens that the model has seen when it gives this feature, read along the chain of nodes."""
    owners = [(n, place) for n, node in enumerate(batch.nodes) for place in node.scored.tolist()]
    number, (row, position) = owners[feature]
    seen = batch.nodes[number].tokens[row, : position + 1].tolist()
    while number > 0:
        rows = batch.nodes[number].rows
        row = row if rows is None else int(rows[row])
        number -= 1
        seen = batch.nodes[number].tokens[row].tolist() + seen
    return tuple(seen)


@given(questions(), st.booleans())
@settings(deadline=None)
def test_every_scored_token_is_predicted_from_all_tokens_before_it(lines: list[Line], sharing: bool) -> None:
    """Each token of each line is scored once, after just the tokens that stand before it in its line."""
    scored = set()
    for batch in batches(lines, Limits(LIMITS.tokens, LIMITS.cells, sharing=sharing)):
        for feature, token, number in batch.pairs.tolist():
            seen = read_back(batch, feature)
            assert (*seen, token) == lines[number].tokens[: len(seen) + 1]
            scored.add((number, len(seen)))
    assert scored == {(n, at) for n, line in enumerate(lines) for at in range(line.start, len(line.tokens))}


@given(questions())
@settings(deadline=None)
def test_batches_keep_to_their_limits(lines: list[Line]) -> None:
    """No batch computes more tokens than allowed, unless one group alone does."""
    for batch in batches(lines, LIMITS):
        lines_in = len(np.unique(batch.pairs[:, 2]))
        assert batch.computed <= LIMITS.tokens or len(batch.nodes[0].tokens) == 1 or lines_in <= 4


@given(questions())
@settings(deadline=None)
def test_groups_share_what_their_lines_have_in_common(lines: list[Line]) -> None:
    """Every line is in one group, and a group's lines begin with the same `shared` tokens."""
    found = groups(lines)
    assert sorted(number for group in found for number in group.lines) == list(range(len(lines)))
    for group in found:
        assert len({lines[number].tokens[: group.shared] for number in group.lines}) == 1


def test_the_choices_of_a_question_cost_its_context_once() -> None:
    """Four choices of two tokens after a context of 100 compute 100 tokens and a few, not 400."""
    context = tuple(range(100))
    lines = [Line((*context, 200 + n, 300), 100) for n in range(4)]
    (batch,) = batches(lines, LIMITS)
    assert batch.computed == 100 + 4


def test_what_all_questions_begin_with_is_computed_as_one_row() -> None:
    """A few-shot prefix of 200 tokens before 20 questions stands in the root, once a batch."""
    prefix = tuple(range(1000, 1200))
    lines = [Line((*prefix, *range(n, n + 20), 300 + c), 220) for n in range(0, 400, 20) for c in range(2)]
    (batch,) = batches(lines, Limits(4096, 2**22))
    assert batch.nodes[0].tokens.shape == (1, 200)
    assert batch.computed == 200 + 20 * 20


def test_long_rows_go_in_steps() -> None:
    """A text of 5000 tokens becomes three nodes of at most 2048 tokens, scored in all of them."""
    (batch,) = batches([Line(tuple(range(5001)), 1)], LIMITS)
    assert [node.tokens.shape[1] for node in batch.nodes] == [STEP, STEP, 5000 - 2 * STEP]
    assert batch.features == 5000
