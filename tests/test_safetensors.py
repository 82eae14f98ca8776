"""The safetensors header: what is written is read, and nothing else is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.safetensors import DTYPE_BITS, HeaderError, Tensor, header_bytes, parse_header, read_header, shards

tensors = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(
        lambda name: name != "__metadata__"
    ),
    st.builds(
        Tensor,
        dtype=st.sampled_from([name for name, bits in DTYPE_BITS.items() if bits % 8 == 0]),
        shape=st.lists(st.integers(1, 300), max_size=4).map(tuple),
    ),
    max_size=12,
)


@given(tensors)
def test_a_header_is_read_as_it_was_written(table: dict[str, Tensor]) -> None:
    """Writing and reading are inverse, in order, and the data starts aligned to eight bytes."""
    written = header_bytes(table)
    assert len(written) % 8 == 0
    size = sum(tensor.nbytes for tensor in table.values())
    assert list(parse_header(written[8:], size).items()) == list(table.items())


@given(st.binary(max_size=400), st.integers(0, 1 << 40))
def test_no_bytes_break_the_parser(text: bytes, size: int) -> None:
    """Any bytes are a header that fills its data, or a HeaderError."""
    try:
        parsed = parse_header(text, size)
    except HeaderError:
        return
    assert sum(tensor.nbytes for tensor in parsed.values()) == size


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
entries = st.fixed_dictionaries(
    {}, optional={"dtype": st.sampled_from(["F32", "BF16", "F4"]) | json_values,
                  "shape": st.lists(st.integers(-3, 1 << 64), max_size=40) | json_values,
                  "data_offsets": st.lists(st.integers(-3, 99), max_size=3) | json_values},
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=8), entries | json_values, max_size=4), st.integers(0, 100))
def test_no_json_breaks_the_parser(header: dict[str, Any], size: int) -> None:
    """Well-formed JSON of any content is read or refused, never believed half."""
    try:
        parsed = parse_header(json.dumps(header).encode(), size)
    except HeaderError:
        return
    assert sum(tensor.nbytes for tensor in parsed.values()) == size


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, "belong to no tensor"),
        ({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, "truncated"),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, "gap"),
        ({"a": {"dtype": "Q9", "shape": [1], "data_offsets": [0, 4]}}, "unknown dtype"),
        ({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}, "12 are needed"),
        ({"a": {"dtype": "F4", "shape": [3], "data_offsets": [0, 1]}}, "inside a byte"),
        ([], "no JSON object"),
    ],
)
def test_each_kind_of_damage_is_named(header: Any, complaint: str) -> None:
    """The message says what is wrong with twelve bytes of data under this header."""
    with pytest.raises(HeaderError, match=complaint):
        parse_header(json.dumps(header).encode(), 12)


def test_a_tensor_named_twice_is_refused() -> None:
    """Two readers could believe two different tensors."""
    entry = '{"dtype":"U8","shape":[12],"data_offsets":[0,12]}'
    with pytest.raises(HeaderError, match="twice"):
        parse_header(f'{{"a":{entry},"a":{entry}}}'.encode(), 12)


def test_a_deeply_nested_header_is_refused() -> None:
    """Nesting that overflows the JSON parser's stack is no crash."""
    with pytest.raises(HeaderError):
        parse_header(b'{"a":' * 100_000, 0)


@pytest.mark.parametrize("cut", [0, 4, 8, 20, -1])
def test_a_truncated_file_is_noticed(tmp_path: Path, cut: int) -> None:
    """However short the file was cut, reading its header says so."""
    path = tmp_path / "model.safetensors"
    mx.save_safetensors(str(path), {"a": mx.ones((64, 64)), "b": mx.ones(3)})
    assert set(read_header(path)) == {"a", "b"}
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(HeaderError, match="truncated"):
        read_header(path)


def test_shards_are_split_and_named_as_mlx_lm_does() -> None:
    """A shard is full before it passes the limit; one too large tensor has a file of its own."""
    table = {
        name: Tensor(dtype="U8", shape=(size,)) for name, size in zip("abcde", (4, 4, 9, 3, 3), strict=True)
    }
    assert [(name, list(group)) for name, group in shards(table, largest=8)] == [
        ("model-00001-of-00003.safetensors", ["a", "b"]),
        ("model-00002-of-00003.safetensors", ["c"]),
        ("model-00003-of-00003.safetensors", ["d", "e"]),
    ]
    assert [name for name, _ in shards(table)] == ["model.safetensors"]
