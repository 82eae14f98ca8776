"""YAML to records: every mistake is answered with its file and its line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.records import Record
from bot.yaml_lines import Document, load
from bot.yaml_nodes import MAX_BYTES


class Even(int):
    """A custom type, as recipe or watchlist records have them."""

    @classmethod
    def parse(cls, text: str) -> Even:
        if not text.isdigit() or int(text) % 2:
            raise ValueError(f"{text!r} is not even; write 2, 4, 6 …")
        return cls(text)


class Layer(Record, frozen=True, kw_only=True):
    name: str
    bits: int = 4
    group: Literal[32, 64] = 64
    width: int | str = 1
    even: Even | None = None
    every: Annotated[int, msgspec.Meta(ge=1)] = 1
    only: Annotated[tuple[int, ...], msgspec.Meta(min_length=1)] = (0,)
    role: Annotated[str, msgspec.Meta(max_length=4)] = ""


class Recipe(Record, frozen=True, kw_only=True):
    layers: tuple[Layer, ...]
    mode: Literal["affine", "mxfp4"] | Layer = "affine"
    scale: float = 1.0
    tied: bool = False
    limits: dict[str, int] = {}  # noqa: RUF012  msgspec copies it
    note: Any = None


def parsed(text: str) -> Recipe:
    return Document(text.encode(), "r.yaml").to(Recipe)


MISTAKES = [
    # syntax
    ("", 1, "the file is empty; write `key: value` lines"),
    ("# only a comment\n", 1, "the file is empty; write `key: value` lines"),
    ("layers: a: b", 1, "mapping values are not allowed in this context; indent it under its key"),
    ("layers:\n\t- b", 2, "indent with spaces, not tabs"),
    ("layers:\n  - name: 'abc\n", 2, "close the quote that is open here"),
    ("layers: []\nmode: [a\nnote: b", 2, "close the bracket that is open here"),
    ("layers: [", 1, "close the bracket that is open here"),
    ("layers: []\n  mode: affine", 2, "indent"),
    ("layers: []\nmode: *.bin", 2, "put text that starts with *"),
    ("layers: []\nmode: @x", 2, "put text that starts with @"),
    # things YAML can do and these files do not need
    ("layers: &all []\nnote: *all", 1, "anchors (&) and aliases (*) are not used here"),
    ("layers: []\nnote: !!python/object:os.system ls", 2, "tags (!) are not used here"),
    ("layers: []\n---\nlayers: []", 2, "a second document starts here"),
    ("? [a]\n: b", 1, "a key must be a word"),
    ("layers: []\nnote: a\nlayers: []", 3, "`layers` stands here a second time (first in line 1)"),
    # keys
    ("layers: []\nmoed: affine", 2, "there is no key `moed` here; did you mean `mode`?"),
    ("layers:\n- name: a\n  qqq: 1", 3, "no key `qqq` here; it may be `name`, `bits`, `group`"),
    ("mode: affine", 1, "`layers` is missing here; add a line `layers: …`"),
    ("layers:\n- name: a\n- bits: 3", 3, "layers[1]: `name` is missing here"),
    # values
    ("- a", 1, "it is a list; write a block of `key: value` lines"),
    ("layers: 3", 1, "layers: it is '3'; write a list"),
    ("layers:\nmode: affine", 1, "layers: it is empty; write a list"),
    ("layers:\n- a", 2, "layers[0]: it is 'a'; write a block of `key: value` lines"),
    ("layers:\n- name: a\n  bits: many", 3, "bits: it is 'many'; write a whole number"),
    ("layers:\n- name: a\n  bits: '4'", 3, "bits: it is '4'; write a whole number"),
    ("layers:\n- name: [a]", 2, "name: it is a list; write text"),
    ("layers:\n- name:\n", 2, "name: it is empty; write text"),
    ("layers:\n- name: a\n  group: 48", 3, "group: it is '48'; write `32`, `64`"),
    ("layers:\n- name: a\n  even: 3", 3, "even: '3' is not even; write 2, 4, 6"),
    ("layers:\n- name: a\n  even: [2]", 3, "even: a single value is wanted here"),
    ("layers:\n- name: a\n  every: 0", 3, "every: it is '0'; write a whole number of at least 1"),
    ("layers:\n- name: a\n  only: []", 3, "only: it has no item; write at least 1"),
    ("layers:\n- name: a\n  role: abcde", 3, "role: it has 5 characters; write at most 4"),
    ("layers: []\ntied: yes", 2, "tied: it is 'yes'; write true or false"),
    ("layers: []\nscale: 1.0.0", 2, "scale: it is '1.0.0'; write a number"),
    ("layers: []\nmode: afine", 2, "mode: it is 'afine'; did you mean `affine`?"),
    ("layers: []\nmode: [a]", 2, "write one of `affine`, `mxfp4` or a block of"),
    ("layers: []\nlimits:\n  a: x", 2, "limits: one of its values: "),
]


@pytest.mark.parametrize(("text", "line", "says"), MISTAKES)
def test_a_mistake_is_answered_with_its_line(text: str, line: int, says: str) -> None:
    """Each mistake gets file, line, what is wrong and what is meant, in one sentence."""
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert str(caught.value).startswith(f"r.yaml:{line}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_record_decides_what_a_scalar_is() -> None:
    """`1234567`, `no` and `2025-01-01` are text where text is wanted, numbers and booleans only elsewhere."""
    found = parsed(
        "layers:\n- {name: 1234567, bits: 3, group: 32, width: 8, even: 4}\n- {name: no, width: H}\n"
        "scale: 1e-2\ntied: true\nlimits: {a: 1}\nnote: [2025-01-01, 1, 2.5, true, ~, '1']"
    )
    assert found.layers[0] == Layer(name="1234567", bits=3, group=32, width=8, even=Even(4))
    assert found.layers[1] == Layer(name="no", width="H")
    assert (found.scale, found.tied, found.limits) == (0.01, True, {"a": 1})
    assert found.note == ["2025-01-01", 1, 2.5, True, None, "1"]


def test_one_word_is_a_list_of_one() -> None:
    """Where a list of words or numbers is wanted, a single one may stand alone; nothing is still nothing."""
    found = parsed("layers:\n- {name: a, only: 3}\n")
    assert found.layers[0].only == (3,)
    with pytest.raises(ConfigError, match="only: it is empty; write a list"):
        parsed("layers:\n- name: a\n  only:\n")


HOSTILE = {
    "deep list": b"[" * 200_000,
    "deep mapping": b"{a: " * 200_000,
    "deep block": b"- " * 50_000 + b"x",
    "alias bomb": b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
    "aliases of itself": b"&a [*a]",
    "line of a megabyte": b"layers: " + b"x" * 1_000_000,
    "long unknown key": b"k" * 900 + b": 1",
    "a million brackets": b"layers: [" + b"[]," * 300_000 + b"]",
    "not UTF-8": b"layers: []\nnote: \xff\xfe",
    "control characters": b"layers: []\nnote: \x1b[2J",
    "control characters in a key": b'"\\x1b[2J": 1',
    "control characters in a key twice": b'"\\x1b[2J": 1\n"\\x1b[2J": 1',
    "control characters in a key of a value": b'layers: []\nlimits: {"\\x1b[2J": x}',
    "too large": b"#" * (MAX_BYTES + 1),
    "huge number": b"layers: []\nscale: " + b"9" * 100_000,
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_one_short_sentence(data: bytes) -> None:
    """Nesting, aliases, sheer size and bytes that are no text end in a short ConfigError, not a crash."""
    with pytest.raises(ConfigError) as caught:
        Document(data, "r.yaml").to(Recipe)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


_YAML_LIKE = st.text(alphabet="abc:-[]{}&*!'\"|>#%@`~ \n\t019.,?\\é\u2028\ufeff", max_size=80)


@given(
    st.one_of(_YAML_LIKE, _YAML_LIKE.map(lambda text: f"layers:\n- name: a\n  {text}"), st.text(max_size=60))
)
def test_any_text_is_a_record_or_a_sentence(text: str) -> None:
    """Whatever the file holds, the answer is the record or a ConfigError that names a line."""
    try:
        assert isinstance(parsed(text), Recipe)
    except ConfigError as error:
        line = int(str(error).split(":")[1])
        assert 1 <= line <= text.count("\n") + text.count("\r") + text.count("\u2028") + 2


@given(st.binary(max_size=60))
def test_any_bytes_are_a_record_or_a_sentence(data: bytes) -> None:
    """Bytes that are no text at all are refused the same way."""
    with pytest.raises(ConfigError):
        Document(data, "r.yaml").to(Recipe)


_NAMES = st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8)


@given(st.lists(st.builds(lambda name, bits: Layer(name=name, bits=bits), _NAMES, st.integers(0, 10**9))))
def test_what_is_written_as_yaml_is_read_back(layers: list[Layer]) -> None:
    """JSON is YAML: a record written down comes back as the same record."""
    text = msgspec.json.encode({"layers": layers})
    assert Document(text, "r.yaml").to(Recipe).layers == tuple(layers)


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """A missing file and a folder are told apart from a file with mistakes."""
    with pytest.raises(ConfigError, match="is not there"):
        load(tmp_path / "none.yaml", Recipe)
    with pytest.raises(ConfigError, match="it is no file"):
        load(tmp_path, Recipe)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="it is no file"):
        load(tmp_path / "pipe", Recipe)
