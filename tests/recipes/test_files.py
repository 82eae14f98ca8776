"""A person's own recipe files: what may stand in them, and what is said of a mistake."""
# ruff: noqa: E501  each message stands on one line, as it is said

from __future__ import annotations

import re
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.recipes.files import of_document, read_recipe
from bot.recipes.names import parse
from bot.recipes.own import MOST_RULES
from bot.recipes.patterns import mistake
from bot.recipes.recipe import decide, layer_of
from bot.recipes.writing import recipe_file
from bot.records import Layers, Quantization, Recipe, Rule
from bot.yaml_lines import Document
from bot.yaml_nodes import MAX_BYTES

README = Path(__file__).parents[2] / "README.md"


def read(text: str, name: str = "mine") -> Recipe:
    return of_document(Document(text.encode(), f"recipes/{name}.yaml"), name)


def bits(recipe: Recipe, path: str, n_layers: int = 8) -> int | None:
    given = decide(recipe, path, layer_of(path), n_layers, 256)
    return given.bits if given else None


RULE = "rules:\n  - role: all\n    pattern: ''\n"
KEYS = "`role`, `pattern`, `bits`, `otherwise`, `group_size`, `mode`, `layers`, `tied`, `required`"
WIDTHS = "write 2, 3, 4, 5, 6 or 8"
CHOICE = "write `every` (and `offset`), or `first` and `last`, or `only`"

MISTAKES = [
    # keys
    (f"{RULE}    bit: 4", "4: there is no key `bit` here; did you mean `bits`?"),
    (f"{RULE}    with: [g]", f"4: there is no key `with` here; it may be {KEYS}"),
    (f"name: mine\n{RULE}", "1: there is no key `name` here; it may be `about`, `like`, `dtype`, `requantize`, `rules`"),
    (f"{RULE}    bits: 4\n    bits: 5", "5: `bits` stands here a second time (first in line 4); keep one"),
    ("rules:\n  - role: all\n", "2: rules[0]: `pattern` is missing here; add a line `pattern: …`"),
    ("rules:\n  - pattern: a\n", "2: rules[0]: `role` is missing here; add a line `role: …`"),
    # no rules
    ("about: nothing", "1: it has no rules; write at least one (the README shows some)"),
    ("dtype: bfloat16\nrules: []", "2: rules: it has no rules; write at least one (the README shows some)"),
    ("like: qx64-hi", "1: it has no rules; write at least one (the README shows some)"),
    (RULE.replace("  - ", "    "), "1: rules: it is a block of `key: value` lines; write a list (lines that start with -, or [a, b])"),
    # widths
    (f"{RULE}    bits: 7", f"4: bits: '7' is no width that MLX has; {WIDTHS}"),
    (f"{RULE}    bits: H", f"4: bits: 'H' is no width that MLX has (letters are for the built-in families); {WIDTHS}"),
    (f"{RULE}    bits:", "4: bits: it is empty; write its value behind the colon, or take the line out"),
    (f"{RULE}    group_size: 48\n    bits: 4", "4: group_size: '48' is no group size that MLX has; write 16, 32, 64 or 128"),
    (f"{RULE}    group_size: 16\n    bits: 4", "4: group_size: affine has no groups of 16; write 32, 64 or 128"),
    (f"{RULE}    mode: nvfp4\n    bits: 4\n    group_size: 32", "6: group_size: nvfp4 has no groups of 32; write 16"),
    (f"{RULE}    mode: mxfp4\n    bits: 8", "5: bits: mxfp4 has 4 bits; write 4"),
    (f"{RULE}    mode: mxpf4\n    bits: 4", "4: mode: it is 'mxpf4'; did you mean `mxfp4`?"),
    (f"{RULE}    mode: mxfp4", "4: mode: a float has none; add `bits`, or take this out"),
    (f"{RULE}    group_size: 32", "4: group_size: a float has none; add `bits`, or take this out"),
    (f"{RULE}    bits: 4\n    otherwise: 3", "5: otherwise: it is for the layers that `layers` leaves out; add `layers`"),
    # layers
    (f"{RULE}    layers: {{every: 0}}", "4: every: it is '0'; write a whole number of at least 1"),
    (f"{RULE}    layers:\n      every: 2\n      offset: 2", "4: layers: offset 2 is out of reach; write one from 0 up to every - 1"),
    (f"{RULE}    layers: {{every: 4, first: 2}}", f"4: layers: this is no choice of layers; {CHOICE}"),
    (f"{RULE}    layers: {{}}", f"4: layers: this is no choice of layers; {CHOICE}"),
    (f"{RULE}    layers: 4", "4: layers: it is '4'; write a block of `key: value` lines"),
    (f"{RULE}    layers: {{only: []}}", "4: only: it has no item; write at least 1"),
    (f"{RULE}    layers: {{only: [1, x]}}", "4: only[1]: it is 'x'; write a whole number"),
    (f"{RULE}    layers: {{evry: 4}}", "4: there is no key `evry` here; did you mean `every`?"),
    # patterns
    ("rules:\n  - role: a\n    pattern: (a", "3: pattern: '(a' is no regular expression (missing ), unterminated subpattern at position 0); put a \\ before each ( [ . + * that is meant"),
    ("rules:\n  - role: a\n    pattern: (a+)+$", "3: pattern: '(a+)+$' can take forever on a long name; leave out a * or + beside or inside another"),
    (f"rules:\n  - role: a\n    pattern: {'a' * 1001}", "3: pattern: the pattern has 1001 characters; write at most 1000, or two rules"),
    ("rules:\n  - role: a\n    pattern: *.proj", "3: did not find expected alphabetic or numeric character; put text that starts with * or & in quotes"),
    ("rules:\n  - role: a\n    pattern: &p 'a'", "3: anchors (&) and aliases (*) are not used here; write the value out"),
    ('rules:\n  - role: a\n    pattern: "a\\tb"', "3: pattern: the pattern holds a character that cannot be seen, and no module's name does; take it out"),
    # the rest
    (f"{RULE}    bits: 4\n  - role: head\n    pattern: lm_head\n    bits: 8", "5: rules[1]: this rule is never asked, the one in line 2 takes everything; move it above that"),
    (f"like: qx64-hi\n{RULE}    bits: 4", "1: like: qx64-hi is never asked, the rule in line 3 takes everything; take one out"),
    (f"like: qx68-hi\n{RULE}", "1: like: 'qx68-hi' is no built-in recipe, and only those can be followed; did you mean qx88-hi, qx86-hi, qx85-hi, qx84-hi?"),
    (f"like: other\n{RULE}", "1: like: 'other' is no built-in recipe, and only those can be followed; write one such as qx86-hi"),
    (f"dtype: bf16\n{RULE}", "1: dtype: it is 'bf16'; did you mean `bfloat16`?"),
    (f"requantize: yes\n{RULE}", "1: requantize: it is 'yes'; write true or false"),
    ("rules:\n  - role: ''\n    pattern: a", "2: role: '' is no role; say in a word or two what the rule is about"),
    (f"about: {'a' * 2001}\n{RULE}", "1: about: it has 2001 characters; write at most 2000"),
    (f"rules: [{'{role: a, pattern: a}, ' * (MOST_RULES + 1)}]", "1: rules: it has 501 items; write at most 500"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), MISTAKES)
def test_a_mistake_is_answered_with_file_line_and_the_way_out(text: str, says: str) -> None:
    """One sentence for each: where, what is wrong, what to do."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert str(caught.value) == f"recipes/mine.yaml:{says}"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("qx86-hi.yaml", "that name is the built-in recipe's; call yours something else, such as my-qx86-hi.yaml"),
        ("qx68-hi.yaml", "'qx68-hi' looks like a built-in recipe and is none; call yours something else, such as my-qx68-hi.yaml"),
        ("fp8.yaml", "'fp8' looks like a built-in recipe and is none; call yours something else, such as my-fp8.yaml"),
        ("mix-mlx.yaml", "'mix-mlx' ends in -mlx, as every repo's name does behind the recipe's; leave it out"),
        ("My Mix.yaml", "'My Mix' is no name for a recipe; take small letters and digits, with - and . between them, at most 40, such as my-recipe.yaml"),
        ("a--b.yaml", "'a--b' is no name for a recipe; take small letters and digits, with - and . between them, at most 40, such as my-recipe.yaml"),
        ("mix.yml", "a recipe's file ends in .yaml; rename it to mix.yaml"),
    ],
)  # fmt: skip
def test_the_files_name_is_the_recipes_and_no_other_ones(name: str, says: str, tmp_path: Path) -> None:
    """A name becomes a repo's on the Hub, and never means something else than the grammar's."""
    path = tmp_path / name
    path.write_text(RULE)
    with pytest.raises(ConfigError) as caught:
        read_recipe(path)
    assert str(caught.value) == f"{path}:1: {says}"


@pytest.mark.parametrize("name", ["mine", "qx86-hi-wide", "fp8-qx86-hi", "deckard.v2", "8bit-experts", "a"])
def test_other_names_are_free(name: str, tmp_path: Path) -> None:
    """Also those that tell which recipe they follow."""
    path = tmp_path / f"{name}.yaml"
    path.write_text(RULE)
    assert read_recipe(path).name == name


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "1: the file is empty; write `key: value` lines"),
        (b"about: ok\nrules: \xff", "2: this line is not UTF-8 text; save the file as UTF-8"),
        (b"#" * (MAX_BYTES + 1), "1: the file has more than 2000000 bytes; nothing here is that long"),
    ],
)
def test_a_file_that_is_no_text_says_so(data: bytes, says: str, tmp_path: Path) -> None:
    """Empty, in another encoding, or far too large: a sentence with a line."""
    path = tmp_path / "mine.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_recipe(path)
    assert str(caught.value) == f"{path}:{says}"


def test_a_link_out_of_the_folder_is_followed(tmp_path: Path) -> None:
    """A recipe may be kept elsewhere; its name here is the link's."""
    (tmp_path / "elsewhere.txt").write_text(RULE + "    bits: 4\n")
    (tmp_path / "mine.yaml").symlink_to(tmp_path / "elsewhere.txt")
    assert read_recipe(tmp_path / "mine.yaml").name == "mine"
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nothing")
    with pytest.raises(ConfigError, match=r"gone.yaml is not there"):
        read_recipe(tmp_path / "gone.yaml")


# ------------------------------------------------------------------ what a file means


def test_three_lines_change_a_built_in_recipe() -> None:
    """Own rules are asked first, with the group size of the recipe that is followed; then come its rules."""
    recipe = read("like: qx64-hi\nrules:\n  - {role: first layer, pattern: '', layers: {only: 0}, bits: 8}\n")
    assert bits(recipe, "model.layers.0.mlp.down_proj") == 8
    assert decide(recipe, "model.layers.0.mlp.up_proj", 0, 8, 256) == Quantization(bits=8, group_size=32)
    followed = parse("qx64-hi")
    for path in ("model.layers.1.mlp.down_proj", "model.layers.4.self_attn.q_proj", "lm_head"):
        assert bits(recipe, path) == bits(followed, path)
    assert recipe.hash != followed.hash


def test_what_is_followed_is_followed_in_all_that_the_file_does_not_say() -> None:
    """dtype and requantize come from the recipe that is followed, unless the file has its own."""
    assert read("like: bf16\nrules: [{role: a, pattern: a, bits: 4}]").dtype == "bfloat16"
    changed = read("like: bf16\ndtype: float16\nrequantize: true\n")
    assert (changed.dtype, changed.requantize) == ("float16", True)
    assert changed.rules == parse("bf16").rules


def test_what_no_rule_finds_stays_a_float() -> None:
    """A file need not end in a rule for everything."""
    recipe = read("rules: [{role: experts, pattern: '\\.experts\\.', bits: 4, mode: mxfp4}]")
    assert bits(recipe, "model.layers.0.mlp.experts.up_proj") == 4
    assert bits(recipe, "model.layers.0.self_attn.q_proj") is None


@pytest.mark.parametrize("gate", ["mlp.gate", "feed_forward.gate", "mlp.router", "block_sparse_moe.gate"])
@pytest.mark.parametrize(
    "text",
    [
        RULE + "    bits: 4",
        "like: qx64-hi\nrules: [{role: some, pattern: '(mlp|feed_forward|moe)', layers: {last: 9}, bits: 5}]",
    ],
)
def test_routers_keep_8_bits_unless_a_rule_is_named_for_them(text: str, gate: str) -> None:
    """A rule that would take them below by the way does not; one that says `router` does."""
    path = f"model.layers.7.{gate}"
    assert bits(read(text), path) == 8
    own = "- {role: router, pattern: '(gate|router)$', bits: 6}"
    assert bits(read(f"rules:\n{own}\n- {{role: all, pattern: '', bits: 4}}"), path) == 6


def test_routers_that_are_left_alone_stay_alone() -> None:
    """Nothing is added where routers are floats or have 8 bits already."""
    assert len(read("rules: [{role: experts, pattern: experts, bits: 4}]").rules) == 1
    assert len(read(RULE + "    bits: 8").rules) == 1


def test_the_recipes_hash_is_of_what_it_does() -> None:
    """Comments and `about` do not change it, a width does."""
    plain, told = read(RULE + "    bits: 4"), read("# why\nabout: |\n  of\n  mine\n" + RULE + "    bits: 4")
    assert (plain.hash, told.about) == (told.hash, "of mine")
    assert read(RULE + "    bits: 5").hash != plain.hash


def test_the_readmes_example_is_a_recipe() -> None:
    """What stands there does what it says."""
    [example] = re.findall(r"(?s)```yaml\n(.*?)```", README.read_text())
    recipe = read(example)
    assert bits(recipe, "model.layers.1.mlp.switch_mlp.up_proj") == 8
    assert decide(recipe, "model.layers.2.mlp.switch_mlp.up_proj", 2, 8, 256) == Quantization(
        bits=4, group_size=32, mode="mxfp4"
    )
    assert bits(recipe, "model.layers.2.mlp.gate_proj") == 4
    assert bits(recipe, "lm_head") == 6


# ------------------------------------------------------------------ written and read back

_WIDTHS = st.sampled_from(
    (
        *(Quantization(bits=b, group_size=g) for b in (2, 3, 4, 5, 6, 8) for g in (32, 64, 128)),
        Quantization(bits=4, group_size=32, mode="mxfp4"),
        Quantization(bits=8, group_size=32, mode="mxfp8"),
        Quantization(bits=4, group_size=16, mode="nvfp4"),
    )
)
_COUNTS, _NUMBERS = st.integers(1, 9), st.lists(st.integers(0, 99), min_size=1, max_size=6)
_LAYERS = st.one_of(
    st.builds(lambda every, offset: Layers(every=every, offset=offset % every), _COUNTS, _COUNTS),
    st.builds(Layers, first=st.none() | _COUNTS, last=_COUNTS),
    st.builds(lambda only: Layers(only=tuple(only)), _NUMBERS),
)
_WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), max_size=40)
_PATTERNS = st.one_of(
    _WORDS.filter(lambda text: text not in ("", ".", ".*", "^") and mistake(text) is None),
    st.sampled_from([r"\.(self_attn|attn)\.", r"^([A-Za-z_]+\.)*lm_head$", r"'\d+\.mlp'", "#a: b", "-"]),
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule that a file can hold: both widths share their group size and mode."""
    layers = draw(st.none() | _LAYERS)
    width = draw(_WIDTHS)
    widths = [(width, None), (None, None), *([(width, width), (None, width)] if layers else [])]
    wanted, otherwise = draw(st.sampled_from(widths))
    return Rule(
        role=draw(_WORDS.filter(lambda text: bool(text.strip()) and text.isprintable())),
        pattern=draw(_PATTERNS),
        wanted=wanted,
        otherwise=otherwise,
        layers=layers,
        tied=draw(st.none() | st.booleans()),
        required=draw(st.booleans()),
    )


_ROUTER = parse("q8").rules[0]


@given(
    st.lists(rules(), max_size=5),
    st.sampled_from([None, "bfloat16", "float32"]),
    st.booleans(),
    st.text(max_size=80),
)
def test_whatever_recipe_is_written_is_read_back(
    lines: list[Rule], dtype: str | None, requantize: bool, about: str
) -> None:
    """A recipe as a file and back is the same recipe."""
    told = " ".join("".join(c if c.isprintable() else " " for c in about).split())
    recipe = Recipe(name="mine", rules=(_ROUTER, *lines), dtype=dtype, requantize=requantize, about=told)
    assert read(recipe_file(recipe, ["A comment."])) == recipe


@pytest.mark.parametrize(
    "name", ["qx86-hi", "qx53g", "qx54gx-hi", "qx64n", "q6-hi", "mxfp4", "nvfp4", "bf16"]
)
def test_a_built_in_recipe_written_out_is_a_file_to_begin_with(name: str) -> None:
    """Under a name of one's own it is read as the same rules."""
    recipe = parse(name)
    assert read(recipe_file(recipe, [])) == msgspec.structs.replace(recipe, name="mine")


_YAML_LIKE = st.text(alphabet="abrulesolptn:-[]{}&*!'\"|>#%@`~ \n\t0148.,?\\", max_size=80)


@given(_YAML_LIKE.map(lambda text: f"{RULE}    {text}") | _YAML_LIKE)
def test_any_text_is_a_recipe_or_a_sentence(text: str) -> None:
    """Whatever stands in a file, the answer is a recipe, or a ConfigError in one line that names the place."""
    said = "recipes/mine.yaml:1: "
    try:
        assert read(text).rules
    except ConfigError as error:
        said = str(error)
    assert re.match(r"recipes/mine\.yaml:[1-9][0-9]*: ", said)
    assert said.isprintable()


# ------------------------------------------------------------------ patterns

HOPELESS = [
    r"(a+)+$", r"(q+q+)+z", r"(\w|[a-z_.0-9]|.)*0\Z", r"(a|aa)+$", r".*.*.*.*.*x", r"([a-z]+.?)+[A-Z]",
    "a?" * 40 + "a" * 40, "(a|a)" * 50 + "z", r"(.*)" * 9 + r"\n\n",
]  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", HOPELESS)
def test_a_pattern_that_never_ends_is_refused_soon(pattern: str) -> None:
    """It is not tried for longer than a moment."""
    begun = time.process_time()
    assert "can take forever" in (mistake(pattern) or "")
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "pattern",
    ["", r"layers\.(0|1|2)\.", r"layers\.\d+\..*experts\.\d+\..*proj$", r"^([A-Za-z_]+\.)*lm_head$"],
)
def test_patterns_as_people_write_them_are_taken(pattern: str) -> None:
    """Names, numbers, choices, and a * here and there."""
    assert mistake(pattern) is None


@pytest.mark.parametrize("pattern", ["(" * 400 + ")" * 400, "a{99999999999}", "[z-a]", "(?P<a>", "a**"])
def test_what_is_no_pattern_is_a_sentence(pattern: str) -> None:
    """Nesting, counts and ranges that Python refuses end in words."""
    assert mistake(pattern) is None or (mistake(pattern) or "").isprintable()
