"""Which files of a base are fetched, and which bases are refused by their listing alone."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UnsuitableBase
from bot.fetch.select import INDEX, refuse_escaping, side_files, weight_files
from bot.records import RepoFile


def files(*paths: str) -> tuple[RepoFile, ...]:
    return tuple(RepoFile(path=path, size=1) for path in paths)


def names(chosen: tuple[RepoFile, ...]) -> list[str]:
    return [file.path for file in chosen]


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("config.json", True), ("tokenizer.json", True), ("tokenizer.model", True), ("merges.txt", True),
        ("chat_template.jinja", True), ("LICENSE", True), ("LICENSE.md", True), (INDEX, True),
        ("generation_config.json", True), ("additional_chat_templates/tools.jinja", True),
        ("modeling_x.py", False), ("pytorch_model.bin", False), ("pytorch_model.bin.index.json", False),
        ("README.md", False), (".gitattributes", False), ("original/params.json", False),
        ("model.gguf", False), ("model.safetensors", False), ("figures/a.txt", False),
    ],
)  # fmt: skip
def test_only_what_a_quant_carries_over_is_fetched(path: str, needed: bool) -> None:
    """Configuration, tokenizer, templates and license; no code, no pickles, no card, no copies in folders."""
    assert names(side_files("a/b", files(path))) == ([path] if needed else [])


def test_the_index_decides_which_shards_there_are() -> None:
    """A stray model.safetensors beside a sharded model is not loaded; consolidated copies never are."""
    repo = files(
        "model-1.safetensors", "model-2.safetensors", "model.safetensors", "consolidated.safetensors"
    )
    index = json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})
    assert names(weight_files("a/b", repo, index)) == ["model-1.safetensors", "model-2.safetensors"]
    assert names(weight_files("a/b", repo, None)) == [
        "model-1.safetensors", "model-2.safetensors", "model.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("paths", "complaint"),
    [
        (("pytorch_model.bin", "config.json"), "pickles"),
        (("weights.pt",), "pickles"),
        (("q4.gguf",), "GGUF"),
        (("config.json",), "no weights"),
        (("adapter_model.safetensors",), "no weights"),
    ],
)
def test_a_repo_without_safetensors_is_refused(paths: tuple[str, ...], complaint: str) -> None:
    """The sentence says what it holds instead."""
    with pytest.raises(UnsuitableBase, match=complaint):
        weight_files("a/b", files(*paths), None)


@pytest.mark.parametrize(
    ("index", "complaint"),
    [
        (
            '{"weight_map": {"a": "model-9.safetensors"}}',
            "'model-9.safetensors', which",
        ),
        ('{"weight_map": {"a": "../../model.safetensors"}}', "does not hold"),
        ('{"weight_map": {"a": 3}}', "corrupt"),
        ('{"weight_map": {}}', "corrupt"),
        ("[]", "corrupt"),
        ("{", "corrupt"),
        ("[" * 100_000, "corrupt"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(index: str, complaint: str) -> None:
    """Missing shards are named; an index that is none is called corrupt."""
    with pytest.raises(UnsuitableBase, match=complaint):
        weight_files("a/b", files("model.safetensors"), index)


@pytest.mark.parametrize(
    "path",
    ["../x.json", "/etc/passwd", "a/../../x.json", "a\\..\\x", "C:/x", "~/x", "", "a//b", "x\n.json", "x\0"],
)
def test_a_name_that_leaves_the_folder_refuses_the_repo(path: str) -> None:
    """Wherever such a file is needed or not."""
    with pytest.raises(UnsuitableBase, match="leaves its folder"):
        side_files("a/b", files("config.json", path))


@given(st.text(max_size=60))
def test_what_is_accepted_stays_inside(path: str) -> None:
    """Any accepted name is relative and has no part that climbs."""
    try:
        refuse_escaping("a/b", path)
    except UnsuitableBase:
        return
    pure = PurePosixPath("/folder") / path
    assert pure.is_relative_to("/folder")
    assert ".." not in pure.parts
    assert "\\" not in path
