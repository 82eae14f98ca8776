"""What is asked, in tokens, and how it is cut into batches. Pure.

    Line        a token sequence and from where on its tokens are scored
    Group       lines that begin alike (the choices of one question): the beginning is computed once
    Batch       groups that go through a layer together: a chain of nodes, each continuing the one before
                    root   one row: what all lines of the batch begin with (a few-shot or chat prefix)
                    stem   one row a group, no padding
                    leaf   one row a line, padded on the right, where causal models do not see it

A batch's stems have one length: where beginnings are longer, their ends are computed with the leaves. So
no architecture needs to know about padding, and caches are mlx-lm's plain ones.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

Tokens = tuple[int, ...]
Ints = npt.NDArray[np.int32]

WASTE = 1.15
"""A batch may compute so many times the tokens that its groups alone would need."""

ROOT = 32
"""Tokens that all groups of a batch must have in common before they are computed as one row."""

SMALL = 256
"""Tokens up to which a batch may waste what it likes: so few cost little more than their call."""

MANY = 16
"""Lines with one beginning, from which on it counts as computed once for all of them."""

STEP = 2048
"""Tokens of a row that go through a layer at once, as in mlx_lm.evaluate."""


class Line(msgspec.Struct, frozen=True):
    """`tokens[start:]` are scored, each given all before it. 1 <= start < len(tokens)."""

    tokens: Tokens
    start: int


class Group(msgspec.Struct, frozen=True):
    """Lines (their numbers) whose first `shared` input tokens are the same."""

    lines: tuple[int, ...]
    shared: int


class Node(msgspec.Struct, frozen=True):
    """A call of the model: `tokens` (rows x length) continue the rows `rows` of the node before it.

    `rows` None: the first of its chain, or row for row. `scored` are the (row, position) that reach the head.
    """

    tokens: Ints
    rows: Ints | None
    scored: Ints


class Batch(msgspec.Struct, frozen=True):
    """A chain of nodes. `features` counts the scored positions of all nodes, in their order.

    Feature `pairs[k, 0]` predicts token `pairs[k, 1]` of line `pairs[k, 2]`.
    """

    nodes: tuple[Node, ...]
    pairs: Ints

    @property
    def computed(self) -> int:
        """Tokens that go through each layer, padding included."""
        return sum(node.tokens.size for node in self.nodes)

    @property
    def features(self) -> int:
        return sum(len(node.scored) for node in self.nodes)


class Limits(msgspec.Struct, frozen=True):
    """Of one batch: tokens computed together, and cells (row x query x key) of its attention scores."""

    tokens: int
    cells: int
    sharing: bool = True


def groups(lines: Sequence[Line], *, sharing: bool = True) -> list[Group]:
    """Neighbours in lexicographic order that share more than they lose by it. Every line is in one group."""
    order = sorted(range(len(lines)), key=lambda number: lines[number].tokens)
    if not sharing:
        return [Group((number,), 0) for number in order]
    found: list[Group] = []
    open_: list[int] = []
    shared = 0
    for place, number in enumerate(order):
        root = _with_many(lines, order, place)
        common = _common(lines[open_[-1]].tokens, lines[number].tokens) if open_ else 0
        common = min(common, shared, len(lines[number].tokens) - 1)
        if open_ and (common - root) * len(open_) > (shared - root) * (len(open_) - 1):
            shared = common
            open_.append(number)
            continue
        if open_:
            found.append(_closed(open_, shared))
        open_, shared = [number], len(lines[number].tokens) - 1
    return [*found, _closed(open_, shared)] if open_ else found


def _with_many(lines: Sequence[Line], order: list[int], place: int) -> int:
    """What this line begins with in common with many others: the root of its batch will compute that."""
    far = [other for other in (place - MANY, place + MANY) if 0 <= other < len(order)]
    tokens = lines[order[place]].tokens
    root = max((_common(tokens, lines[order[other]].tokens) for other in far), default=0)
    return root if root >= ROOT else 0


def _closed(numbers: list[int], shared: int) -> Group:
    return Group(tuple(numbers), shared if len(numbers) > 1 else 0)


def _common(first: Tokens, second: Tokens) -> int:
    """Length of the common beginning."""
    most = min(len(first), len(second))
    if first[:most] == second[:most]:
        return most
    low, high = 0, most  # first[:low] is common, first[:high] is not
    while high - low > 1:
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle
    return low


def batches(lines: Sequence[Line], limits: Limits) -> list[Batch]:
    """All lines in batches within the limits (a single line may exceed them), long rows cut into steps."""
    found = groups(lines, sharing=limits.sharing)
    return [_batch(lines, together) for together in _gathered(lines, found, limits)]


def _gathered(lines: Sequence[Line], found: list[Group], limits: Limits) -> Iterator[list[Group]]:
    """Groups of like shape together: longest first, so that what needs most memory is known first."""
    ordered = sorted(found, key=lambda group: (group.shared, _longest(lines, group)), reverse=True)
    batch: list[Group] = []
    root = 0
    for group in ordered:
        first = lines[group.lines[0]].tokens[: group.shared]
        root = _common(lines[batch[0].lines[0]].tokens[:root], first) if batch else group.shared
        if batch and not _fits(lines, [*batch, group], root, limits):
            yield batch
            batch, root = [], group.shared
        batch.append(group)
    if batch:
        yield batch


def _longest(lines: Sequence[Line], group: Group) -> int:
    longest: int = max(len(lines[number].tokens) for number in group.lines) - 1
    return longest


def _fits(lines: Sequence[Line], together: list[Group], root: int, limits: Limits) -> bool:
    cut = min(group.shared for group in together)
    root = root if root >= ROOT else 0
    longest = max(_longest(lines, group) for group in together)
    rows = sum(len(group.lines) for group in together)
    computed = root + (cut - root) * len(together) + (longest - cut) * rows
    alone = root + sum(
        group.shared - root + sum(len(lines[n].tokens) - 1 - group.shared for n in group.lines)
        for group in together
    )
    cells = max(len(together) * min(cut, STEP) * cut, rows * min(longest - cut, STEP) * longest)
    return computed <= limits.tokens and computed <= max(SMALL, WASTE * alone) and cells <= limits.cells


class _Part(msgspec.Struct, frozen=True):
    """A node to be: its first token's position in the lines, and in which of its rows each line stands."""

    tokens: Ints
    rows: Ints | None
    first: int
    row_of: Ints

    @property
    def end(self) -> int:
        return self.first + int(self.tokens.shape[1])


def _batch(lines: Sequence[Line], together: list[Group]) -> Batch:
    numbers = [number for group in together for number in group.lines]
    parts = [step for part in _parts(lines, together, numbers) for step in _stepped(part)]
    return _scored(lines, numbers, parts)


def _parts(lines: Sequence[Line], together: list[Group], numbers: list[int]) -> Iterator[_Part]:
    """Root, stem and leaf, those of them that hold tokens."""
    cut = min(group.shared for group in together)
    firsts = [lines[group.lines[0]].tokens[:cut] for group in together]
    root = _common(min(firsts), max(firsts)) if len(together) > 1 else 0
    root = root if root >= ROOT else 0
    alone = np.zeros(len(numbers), np.int32)
    owners = np.array([row for row, group in enumerate(together) for _ in group.lines], np.int32)
    if root:
        yield _Part(np.array([firsts[0][:root]], np.int32), None, 0, alone)
    if cut > root:
        stem = np.array([first[root:] for first in firsts], np.int32)
        yield _Part(stem, np.zeros(len(stem), np.int32) if root else None, root, owners)
    longest = max(len(lines[number].tokens) for number in numbers) - 1
    if longest > cut:
        leaf = np.zeros((len(numbers), longest - cut), np.int32)
        for row, number in enumerate(numbers):
            rest = lines[number].tokens[cut:-1]
            leaf[row, : len(rest)] = rest
        continued = owners if cut > root else alone
        yield _Part(leaf, continued if cut else None, cut, np.arange(len(numbers), dtype=np.int32))


def _stepped(part: _Part) -> Iterator[_Part]:
    """Rows longer than STEP become several nodes, each continuing the one before row for row."""
    for start in range(0, part.tokens.shape[1], STEP):
        rows = part.rows if start == 0 else None
        yield _Part(part.tokens[:, start : start + STEP], rows, part.first + start, part.row_of)


def _scored(lines: Sequence[Line], numbers: list[int], parts: list[_Part]) -> Batch:
    """Where each scored token's prediction comes from: the node, its row, and the position in it."""
    ends = [part.end for part in parts]
    places: list[dict[tuple[int, int], int]] = [{} for _ in parts]
    wanted: list[tuple[int, int, int, int]] = []  # node, feature in it, target, line
    for line, number in enumerate(numbers):
        tokens, start = lines[number].tokens, lines[number].start
        for target in range(start, len(tokens)):
            node = bisect_right(ends, target - 1)
            part = parts[node]
            place = (int(part.row_of[line]), target - 1 - part.first)
            wanted.append((node, places[node].setdefault(place, len(places[node])), tokens[target], number))
    before = np.cumsum([0, *(len(place) for place in places)])
    pairs = [(int(before[node]) + feature, token, number) for node, feature, token, number in wanted]
    nodes = tuple(
        Node(part.tokens, part.rows, np.array(list(place), np.int32).reshape(-1, 2))
        for part, place in zip(parts, places, strict=True)
    )
    return Batch(nodes, np.array(pairs, np.int32).reshape(-1, 3))
