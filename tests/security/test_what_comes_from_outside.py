"""What strangers wrote is read without a crash, a hang or a flood of memory, whatever it is."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.check.place import Folder, read_metadata
from bot.errors import UnsuitableBase
from bot.fetch.select import indexed_shards, refuse_escaping
from bot.measure.results import decode_outcomes
from bot.publish.ledger import parse_manifest
from bot.recipes.bases import CONFIG_BYTES, Described
from bot.safetensors import LARGEST_HEADER, HeaderError, parse_header
from bot.watch.watchlist import of_document
from bot.watch.webhook import LARGEST, parse
from bot.yaml_lines import Document
from tests.security.bounds import bounded

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=30,
)
documents = st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode())

DEEP = b"[" * 100_000 + b"]" * 100_000
"""Deeper than any stack."""

HUGE = b'{"hidden_size": ' + b"9" * 100_000 + b"}"
"""A number that takes minutes to turn into one, where nobody looks at its length."""


def readers() -> dict[str, Any]:
    """Each reader of something from outside, and what it raises for what it refuses."""
    return {
        "safetensors header": lambda data: bounded(lambda: parse_header(data, 10), HeaderError),
        "index": lambda data: bounded(lambda: indexed_shards("a/b", data.decode("utf-8", "replace"))),
        "config": lambda data: bounded(
            lambda: Described(name="a/b", config=data.decode("utf-8", "replace"), tensors={}).has_senses
        ),
        "manifest": lambda data: bounded(lambda: parse_manifest(data)),
        "webhook": lambda data: bounded(lambda: parse(data)),
        "watchlist": lambda data: bounded(lambda: of_document(Document(data, "watchlist.yaml"))),
        "metadata": lambda data: bounded(lambda: metadata_of(b"---\n" + data + b"\n---\n")),
        "outcomes": lambda data: bounded(lambda: decode_outcomes(data), ValueError),
    }


def metadata_of(readme: bytes) -> object:
    """What is read of a README.md."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "README.md").write_bytes(readme)
        return read_metadata(Folder(Path(folder)))


@pytest.mark.parametrize("reader", readers())
@settings(deadline=None, max_examples=25)
@given(data=documents)
def test_any_bytes_are_read_or_refused(reader: str, data: bytes) -> None:
    """Arbitrary bytes and arbitrary JSON give an answer or one sentence, never another exception."""
    readers()[reader](data)


@pytest.mark.parametrize(
    "bomb", [DEEP, HUGE, b"a: &a [*a]", b"\xff\xfe\x00" * 1000], ids=["deep", "huge", "loop", "bytes"]
)
@pytest.mark.parametrize("reader", readers())
def test_bombs_do_not_go_off(reader: str, bomb: bytes) -> None:
    """Deep nesting, a number of a hundred thousand digits, an alias that holds itself, no text at all."""
    readers()[reader](bomb)


def test_a_yaml_file_that_unfolds_to_billions_stays_small() -> None:
    """Aliases of aliases (the billion laughs) are refused by the watchlist and mean nothing in metadata."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    bomb = "\n".join(lines).encode()
    readers()["watchlist"](bomb)
    readers()["metadata"](bomb)


def test_a_header_as_long_as_allowed_takes_what_it_may() -> None:
    """The longest header of honest tensors, and ones of the same length that are made to fill the memory."""
    count = LARGEST_HEADER // 85
    honest = {
        f"model.layers.{n}.mlp.w": {"dtype": "F16", "shape": [1, 1], "data_offsets": [2 * n, 2 * n + 2]}
        for n in range(count)
    }
    text = json.dumps(honest, separators=(",", ":")).encode()
    assert len(bounded(lambda: parse_header(text, 2 * count), HeaderError)) == count  # type: ignore[arg-type]
    for filling in (b"[],", b"{},", b'"ab",', b"1e9,"):
        hostile = b'{"a":[' + filling * ((LARGEST_HEADER - 20) // len(filling)) + b"0]}"
        assert isinstance(bounded(lambda: parse_header(hostile, 1), HeaderError), HeaderError)  # noqa: B023


def test_a_config_and_a_delivery_as_long_as_allowed_take_what_they_may() -> None:
    """Filled with empty lists to the last byte that is read."""
    config = '{"a":[' + "[]," * (CONFIG_BYTES // 3 - 10) + "0]}"
    bounded(lambda: Described(name="a/b", config=config, tensors={}).has_senses)
    bounded(lambda: parse(b'{"event":[' + b"[]," * (LARGEST // 3 - 10) + b"0]}"))


def test_outcomes_that_unpack_without_end_are_refused() -> None:
    """A gzip file of a megabyte that would be a gigabyte."""
    bomb = gzip.compress(b"\0" * 500_000_000, compresslevel=1)
    assert isinstance(bounded(lambda: decode_outcomes(bomb), ValueError), ValueError)


@settings(deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["..", ".", "", "a", "~", "C:", "b\\c", "\0"])).map("/".join)
)
def test_no_file_name_of_a_repo_leads_out_of_its_folder(path: str) -> None:
    """What is not refused stays below the folder it is written to, on every system."""
    try:
        refuse_escaping("a/b", path)
    except UnsuitableBase:
        return
    parts = path.replace("\\", "/").split("/")
    assert ".." not in parts
    assert not path.startswith(("/", "~", "\\"))
    assert ":" not in parts[0]
    assert path.isprintable()


def test_records_from_another_process_refuse_what_they_are_not() -> None:
    """A manifest whose numbers are texts is no manifest."""
    assert parse_manifest(msgspec.json.encode({"repo": 3, "base": [], "files": "x"})) is None
