"""What names, configs and versions say, whoever wrote them: pure rules, tried with everything."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.adopt import card_numbers
from bot.adopt.adopted import Adopted, Made, RecipeGuess, Stored
from bot.adopt.advisories import advisories, against, matches
from bot.adopt.decide import troubles_of
from bot.adopt.names import named
from bot.adopt.recognise import Seen, recognise, with_siblings
from bot.adopt.siblings import MOST, shown
from bot.adopt.stored import settled, stored
from bot.errors import ConfigError
from bot.recipes.names import all_names
from bot.records import RepoFile
from bot.review.claims.own_tables import facts_of

BASES = st.from_regex(r"[A-Z][A-Za-z]{2,8}(-[A-Z0-9][A-Za-z]{1,6}){0,3}-[1-9][0-9]?B", fullmatch=True)


@given(BASES, st.sampled_from(all_names()))
def test_a_name_of_the_bots_own_style_reads_back_whole(base: str, recipe: str) -> None:
    """`<Base>-<recipe>-mlx` gives base and recipe, whatever they are, and in capitals as well."""
    for name in (f"{base}-{recipe}-mlx", f"{base}-{recipe.upper()}-MLX", f"{base}-text-{recipe}-mlx"):
        read = named(name)
        assert (read.base, read.guess.name, read.guess.built_in, read.mlx) == (base, recipe, True, True)


@pytest.mark.parametrize(
    ("name", "base", "recipe", "built_in"),
    [
        ("Qwen3-8B-4bit", "Qwen3-8B", "q4", True),
        ("Qwen3-8B-mlx-6bit", "Qwen3-8B", "q6", True),
        ("Model-8-bit", "Model", "q8", True),
        ("Foo-q8-gs32-mlx", "Foo", "q8-hi", True),
        ("Qwen3-8B-4bit-DWQ", "Qwen3-8B", "dwq-4bit", False),
        ("Qwen3-Coder-dwq-mlx", "Qwen3-Coder", "dwq", False),
        ("gpt-oss-20b-MXFP4-Q8", "gpt-oss-20b", "mxfp4-q8", False),
        ("x-fp16-mlx", "x", "fp16", False),
        ("Foo-mlx", "Foo", "", False),
        ("Qwen3-4B-Instruct-2507", "Qwen3-4B-Instruct-2507", "", False),
        ("Phi-4", "Phi-4", "", False),
    ],
)
def test_older_styles_are_read_as_people_meant_them(
    name: str, base: str, recipe: str, built_in: bool
) -> None:
    """Widths in words become the plain recipes; methods that the bot does not have keep their own name."""
    read = named(name)
    assert (read.base, read.guess.name, read.guess.built_in) == (base, recipe, built_in)


@given(st.text(max_size=300))
def test_any_name_is_read(name: str) -> None:
    """Whatever it is; what is left for the base stood in the name."""
    assert named(name).base in name


@given(st.one_of(st.binary(max_size=300), st.just(b"[" * 100_000), st.just(b'{"quantization": [1]}')))
def test_any_config_is_read_or_is_none(data: bytes) -> None:
    """Never an error; widths are such as MLX has."""
    found = stored(data)
    assert found is None or found.bits is None or 2 <= found.bits <= 8


def test_a_config_with_widths_of_its_own_for_some_modules_names_no_plain_recipe() -> None:
    """4 bits throughout are q4; 4 bits with exceptions are nobody's q4."""
    plain = stored(b'{"quantization": {"bits": 4, "group_size": 64}}')
    mixed = stored(
        b'{"quantization": {"bits": 4, "group_size": 64, "lm_head": {"bits": 8, "group_size": 64}}}'
    )
    assert settled(RecipeGuess(), plain).name == "q4"
    assert settled(RecipeGuess(), mixed) == RecipeGuess()
    assert mixed == Stored(bits=4, group_size=64, mode="affine", overrides=1)


@pytest.mark.parametrize(
    "text",
    ["0." * 100_000, "a" * 200_000, "|" * 200_000, "| M-1-q4-hi-8B | 0.5 | 0.5 |\n" * 6000, "[" * 200_000],
    ids=["dots", "word", "pipes", "rows", "brackets"],
)
def test_a_hostile_card_costs_a_moment(text: str) -> None:
    """Such as took minutes once."""
    known = facts_of(text, "Foo-q4-mlx")
    assert len(card_numbers.reported(text, known)) <= card_numbers.MOST


@given(
    st.recursive(st.none() | st.text(max_size=20) | st.integers(), lambda inner: st.lists(inner, max_size=4))
)
def test_any_base_model_of_the_metadata_is_a_repo_or_is_not_taken(value: object) -> None:
    """Upstream's metadata is hostile until parsed."""
    files = (RepoFile(path="model.safetensors", size=1), RepoFile(path="config.json", size=2))
    found = recognise(Seen(repo="a/Foo-q4-mlx", sha="1", files=files, base_model=value, config=b"{}"))
    assert found.base == "" or found.base.count("/") == 1


def test_an_owner_comes_from_siblings_only_where_they_agree() -> None:
    """Two bases of one name and different owners say nothing about a third repo."""
    lone = Adopted(repo="a/Foo-q4-mlx", sha="1", quant=True, base_name="Foo", base_from="name")

    def of(base: str) -> Adopted:
        return Adopted(
            repo=f"a/Foo-{base.split('/')[0]}-mlx", sha="1", quant=True, base=base, base_from="metadata"
        )

    assert with_siblings((lone, of("x/Foo")))[0].base == "x/Foo"
    assert with_siblings((lone, of("x/Foo"), of("y/Foo")))[0].base == ""


def test_cards_show_public_adopted_siblings_and_not_too_many() -> None:
    """No private repo, none of the bot's own, none whose base is only a guess; a bounded number."""
    one = Adopted(repo="a/Foo-q4-mlx", sha="1", quant=True, base="x/Foo", base_from="metadata", size_bytes=5)
    made = Made(manifest_oid="1")
    hidden = (
        Adopted(repo="a/p", sha="1", base="x/Foo", private=True),
        Adopted(repo="a/m", sha="1", base="x/Foo", made=made),
        Adopted(repo="a/g", sha="1"),
    )
    (row,) = shown((one, *hidden))
    assert (row.repo, row.name, row.recipe, row.size_bytes) == ("a/Foo-q4-mlx", "Foo-q4-mlx", None, 5)
    many = (Adopted(repo=f"a/Foo{at:03}", sha="1", base="x/Foo") for at in range(100))
    assert len(shown(many)) == MOST


@pytest.mark.parametrize(
    ("version", "written", "holds"),
    [
        ("0.31.2", "<0.32", True), ("0.32.0", "<0.32", False), ("0.32.0.dev1", "<0.32", False),
        ("0.31.0rc1", ">=0.30,<0.31.1", True), ("not a version", "<1", False), ("0.4.9", "==0.4.*", True),
    ],
)  # fmt: skip
def test_versions_are_held_against_ranges_as_pip_does(version: str, written: str, holds: bool) -> None:
    """Pre-releases count; what is no version falls under nothing."""
    assert matches({"mlx": version}, "mlx", written) is holds
    assert matches({}, "mlx", written) is False


def test_a_publisher_may_list_advisories_of_their_own(tmp_path: Path) -> None:
    """Beside the watchlist; a mistake in it is told with its place."""
    own = tmp_path / "advisories.yaml"
    own.write_text(
        "advisories:\n  - {tool: mlx, versions: '<0.31', what: wrong, source: 'https://example.org'}\n"
    )
    found = advisories(tmp_path / "watchlist.yaml")
    assert [each.what for each in against({"mlx": "0.30.1"}, {}, found)] == ["wrong"]
    assert against({"mlx": "0.31.1"}, {"mlx": "0.30.1"}, found) == ()
    weights = [replace(each, touches="weights") for each in found]
    assert against({"mlx": "0.31.1"}, {"mlx": "0.30.1"}, weights) == tuple(weights), (
        "measured anew, made by it"
    )
    own.write_text("advisories:\n  - {tool: mlx, versions: 'below 1', what: wrong, source: x}\n")
    with pytest.raises(ConfigError, match=r"advisories\.yaml.*advisories\[0\]"):
        advisories(tmp_path / "watchlist.yaml")


def test_each_kind_of_file_that_was_changed_has_its_own_way_back() -> None:
    """The card keeps a person's words, what lies beside it is written again, weights are made again."""
    names = ("README.md", "figures/family.png", "measurements/facts.json", "model.safetensors")
    files = tuple(RepoFile(path=name, size=1, oid=f"mine {name}", sha256="a") for name in names)
    made = Made(manifest_oid="1", files=files)

    def told(*others: str) -> list[tuple[str, str]]:
        now = tuple(RepoFile(path=f.path, size=1, oid="other") if f.path in others else f for f in files)
        found = troubles_of(Adopted(repo="a/Foo-q4-mlx", sha="1", base="x/Foo", files=now, made=made))
        return [(trouble.kind, trouble.command) for trouble in found]

    assert told() == []
    assert told("README.md") == [("edited", "bot card update a/Foo-q4-mlx --all --dry-run")]
    assert told("figures/family.png", "measurements/facts.json") == [
        ("changed", "bot card update a/Foo-q4-mlx --all --take mine")
    ]
    assert told("model.safetensors") == [("changed", "bot recall --repo a/Foo-q4-mlx --rebuild --yes")]
