"""watchlist.yaml: what may stand in it, and what it means for one repo."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.records import BaseRevision, ByWidth, GateSettings, RepoFile, from_json, to_json
from bot.watch.quantities import BYTES, SECONDS, Duration, Size
from bot.watch.watchlist import Entry, Watchlist, entry_for, load_watchlist, of_document
from bot.yaml_lines import Document

EXAMPLE = Path(__file__).parents[2] / "watchlist.yaml"
HEAD = "account: me\nrecipes: [qx86-hi]\n"
REPOS = "repos: [{repo: a/b}]\n"


def watchlist(text: str) -> Watchlist:
    return of_document(Document(text.encode(), "watchlist.yaml"))


def effective(text: str, repo: str) -> Entry:
    entry = entry_for(watchlist(text), repo)
    assert entry is not None
    return entry


MISTAKES = [
    (f"account: me\n{REPOS}", 1, "`recipes` is missing here"),
    (HEAD, 1, "nothing is followed; add an entry under `repos:` or `authors:`"),
    (f"account: me/you\nrecipes: [q8]\n{REPOS}", 1, "account: 'me/you' is no account on a Hub"),
    (f"{HEAD}every: 30\n{REPOS}", 3, "every: '30' is no duration; write a number and s, m, h, d or w"),
    (f"{HEAD}every: 10s\n{REPOS}", 3, "every: '10s' is too often; write at least 1m"),
    (f"{HEAD}max_size: 120\n{REPOS}", 3, "max_size: '120' is no size"),
    (f"{HEAD}max_size: 120 Gb\n{REPOS}", 3, "max_size: '120 Gb' is no size"),
    (f"{HEAD}approval: autp\n{REPOS}", 3, "approval: it is 'autp'; did you mean `auto`?"),
    (f"{HEAD}approval: {{}}\n{REPOS}", 3, "this rule has no condition; write `auto_up_to: 20GB`"),
    (f"{HEAD}approval:\n  auto_upto: 3GB\n{REPOS}", 4, "did you mean `auto_up_to`?"),
    (f"{HEAD}staging: public\n{REPOS}", 3, "staging: it is 'public'; write `branch`, `private`"),
    (f"{HEAD}collections: ['{{model}}']\n{REPOS}", 3, "collections[0]: '{model}' is no title"),
    (f"{HEAD}compare_with: [brothers]\n{REPOS}", 3, "'brothers' is nothing to compare with; write siblings"),
    (f"{HEAD}measure: {{limit: all}}\n{REPOS}", 3, "limit: it is 'all'; write a whole number"),
    (f"{HEAD}measure: {{task: [piqa]}}\n{REPOS}", 3, "did you mean `tasks`?"),
    (f"{HEAD}publish: erly\n{REPOS}", 3, "publish: it is 'erly'; did you mean `early`?"),
    (f"{HEAD}gate: {{kl: 0.1}}\n{REPOS}", 3, "kl: it is '0.1'; write a block of `key: value` lines"),
    (f"{HEAD}gate:\n  kl:\n    4bits: 0.1\n{REPOS}", 5, "no key `4bits` here; did you mean `4bit`?"),
    (f"{HEAD}gate:\n  kl:\n    8bit: 0.1\n    4bit: -1\n{REPOS}", 6, "4bit: it is '-1'; write a number of"),
    (f"{HEAD}gate:\n  perplexity: {{4bit: much}}\n{REPOS}", 4, "it is 'much'; write a number"),
    (f"{HEAD}gate: {{margin: 1}}\n{REPOS}", 3, "margin: it is '1'; write a number of less than 1"),
    (f"{HEAD}gate: {{non_inferiority: never}}\n{REPOS}", 3, "write `label`, `stop`"),
    (f"{HEAD}budget:\n  quite: 22:00-08:00\n{REPOS}", 4, "no key `quite` here; did you mean `quiet`?"),
    (f"{HEAD}budget:\n  quiet: 22-8\n{REPOS}", 4, "'22-8' are no hours; write from-to, such as 22:00-08:00"),
    (f"{HEAD}budget:\n  quiet: [0:00-12:00]\n{REPOS}", 4, "'0:00-12:00' are no hours"),
    (f"{HEAD}budget:\n  hours_a_day: 25h\n{REPOS}", 4, "'25h' does not fit into a day"),
    (f"{HEAD}budget:\n  disk: much\n{REPOS}", 4, "disk: 'much' is no size"),
    (f"{HEAD}budget:\n  timezone: Berlin\n{REPOS}", 4, "'Berlin' is no time zone; write its IANA name"),
    (f"{HEAD}budget: {{quiet: [00:00-12:00, 12:00-00:00]}}\n{REPOS}", 3, "budget: these quiet hours fill"),
    (
        f"account: me\nrecipes:\n  - qx86-hi\n  - qx68-hi\n{REPOS}",
        4,
        "recipes[1]: there is no recipe 'qx68-hi'",
    ),
    (f"account: me\nrecipes: []\n{REPOS}", 2, "recipes: "),
    (f"{HEAD}repos:\n- repo: a/b\n- repo: b\n", 5, "repo: 'b' is no repo; write owner/name"),
    (f"{HEAD}repos:\n- repo: ../../etc\n", 4, "is no repo; write owner/name"),
    (f"{HEAD}repos:\n- a/b\n", 4, "repos[0]: it is 'a/b'; write a block of `key: value` lines"),
    (f"{HEAD}repos:\n- repo: a/b\n  recipe: [q8]\n", 5, "no key `recipe` here; did you mean `recipes`?"),
    (f"{HEAD}repos:\n- repo: a/b\n  recipes: [q9]\n", 5, "recipes[0]: there is no recipe 'q9'"),
    (f"{HEAD}repos:\n- repo: a/b\n- repo: A/B\n", 5, "A/B is followed twice; keep one of the entries"),
    (f"{HEAD}authors:\n- author: a/b\n  since: 2025-01-01\n", 4, "author: 'a/b' is no account"),
    (f"{HEAD}authors:\n- author: a\n  since: soon\n", 5, "since: it is 'soon', which is no date"),
    (f"{HEAD}authors:\n- author: a\n  since: 2025-01-01\n  match: [a/Q*]\n", 6, "leave the author out"),
]


@pytest.mark.parametrize(("text", "line", "says"), MISTAKES)
def test_a_mistake_in_the_watchlist_is_answered_with_its_line(text: str, line: int, says: str) -> None:
    """Every value is checked where it stands: file, line, what is wrong, what is meant."""
    with pytest.raises(ConfigError) as caught:
        watchlist(text)
    assert str(caught.value).startswith(f"watchlist.yaml:{line}: ")
    assert says in str(caught.value)


def test_an_author_without_since_is_told_why_and_todays_date() -> None:
    """`since` is required, because an author's whole past would be made; the error holds the line to add."""
    with pytest.raises(ConfigError) as caught:
        watchlist(f"{HEAD}authors:\n- author: Qwen\n")
    today = datetime.datetime.now(datetime.UTC).date()
    assert str(caught.value) == (
        "watchlist.yaml:4: authors[0]: `since` is missing; without it all that Qwen ever published would be "
        f"made: for what changes from today on, add a line `since: {today}`"
    )


def test_the_example_parses_and_makes_nothing_without_a_yes() -> None:
    """The watchlist at the top of the repo is valid, and every entry in it asks before anything is made."""
    example = load_watchlist(EXAMPLE)
    followed = [str(r.repo) for r in example.repos] + [f"{a.author}/Qwen3-9B" for a in example.authors]
    revision = BaseRevision(repo="a/b", sha="0" * 40)
    for repo in followed:
        entry = entry_for(example, repo)
        assert entry is not None
        assert entry.needs_yes(revision)
        assert entry.min_age > 0


def test_the_examples_commented_settings_are_valid_too(tmp_path: Path) -> None:
    """With the # before its settings taken away, and the recipe written, the example is still valid."""
    own = tmp_path / "recipes" / "my-recipe.yaml"
    own.parent.mkdir()
    own.write_text("rules: [{role: all, pattern: '', bits: 4}]")
    text = EXAMPLE.read_text().replace("\napproval: ask", "\n# ask")
    (tmp_path / "watchlist.yaml").write_text(re.sub(r"(?m)^( *)# ( *(?:[a-z_]+:|- ))", r"\1\2", text))
    found = load_watchlist(tmp_path / "watchlist.yaml")
    assert found.approval != "ask"
    assert (found.folders, found.recipes[-1]) == ((own.parent,), "my-recipe")
    assert (found.measure.limit, len(found.repos), len(found.compare_with)) == (500, 3, 3)
    assert found.budget.disk == 400 * 10**9
    assert found.budget.timezone == "Europe/Berlin"


def test_the_gate_and_when_to_publish_may_be_said_at_the_top_and_in_an_entry() -> None:
    """Bounds by width, the margin, and `publish: early`; an entry's own gate replaces that of the top."""
    text = (
        f"{HEAD}publish: early\ngate: {{kl: {{4bit: 0.3}}, non_inferiority: stop, margin: 0.02}}\n"
        "repos:\n- repo: a/b\n- {repo: a/c, publish: verified, gate: {perplexity: {8bit: 1.01}}}\n"
    )
    top, own = effective(text, "a/b"), effective(text, "a/c")
    assert (top.publish, own.publish) == ("early", "verified")
    assert top.gate == GateSettings(kl=ByWidth(bits4=0.3), non_inferiority="stop", margin=0.02)
    assert own.gate == GateSettings(perplexity=ByWidth(bits8=1.01))
    assert from_json(Entry, to_json(top)) == top


def test_an_entry_comes_before_the_top_and_a_repo_before_its_author() -> None:
    """What an entry says holds for it, all else comes from the top; a repo's own entry beats its author's."""
    text = (
        "account: me\nrecipes: [qx86-hi, q8]\nmax_size: 100GB\nmin_age: 1h\napproval: auto\n"
        "compare_with: [siblings, 'mlx-community/{base}-4bit']\n"
        "repos:\n- {repo: Qwen/Qwen3-8B, recipes: [mxfp4], revision: v1, approval: ask, accept: [gated]}\n"
        "authors:\n- {author: Qwen, since: 2025-11-01, match: ['qwen3-*'], exclude: ['*-fp8'],"
        " max_size: 8GiB, collections: ['Qwen']}\n"
    )
    named = effective(text, "Qwen/Qwen3-8B")
    assert (named.recipes, named.revision, named.approval) == (("mxfp4",), "v1", "ask")
    assert (named.accept, named.max_size, named.since) == (("gated",), 100 * 10**9, None)
    assert named.compare_with == ("siblings", "mlx-community/Qwen3-8B-4bit")

    other = effective(text, "Qwen/Qwen3-4B")
    assert (other.recipes, other.max_size, other.since) == (("qx86-hi", "q8"), 8 * 2**30, "2025-11-01")
    assert (other.collections, other.min_age, other.approval) == (("Qwen",), 3600.0, "auto")

    assert [entry_for(watchlist(text), r) for r in ("Qwen/Qwen3-4B-FP8", "Qwen/Qwen2", "other/Qwen3-4B")] == [
        None, None, None,
    ]  # fmt: skip


def test_effective_settings_cross_a_process_boundary() -> None:
    """An Entry holds plain values only: as JSON and back it is the same."""
    entry = effective(HEAD + "approval: {auto_up_to: 3GB, auto_authors: [a]}\n" + REPOS, "a/b")
    assert from_json(Entry, to_json(entry)) == entry


@pytest.mark.parametrize(
    ("rule", "author", "size", "asks"),
    [
        ("auto", "x", 10**12, False),
        ("ask", "x", 1, True),
        ("{auto_up_to: 10GB}", "x", 10**10, False),
        ("{auto_up_to: 10GB}", "x", 10**10 + 1, True),
        ("{auto_authors: [Qwen]}", "qwen", 10**12, False),
        ("{auto_authors: [Qwen]}", "x", 1, True),
        ("{auto_authors: [Qwen], auto_up_to: 10GB}", "Qwen", 10**10, False),
        ("{auto_authors: [Qwen], auto_up_to: 10GB}", "Qwen", 10**10 + 1, True),
        ("{auto_authors: [Qwen], auto_up_to: 10GB}", "x", 1, True),
    ],
)
def test_an_approval_rule_asks_unless_all_its_conditions_hold(
    rule: str, author: str, size: int, asks: bool
) -> None:
    """Size and author conditions are limits of what is made without asking, and all of them must hold."""
    entry = effective(f"{HEAD}approval: {rule}\nrepos: [{{repo: {author}/m}}]\n", f"{author}/m")
    files = (RepoFile(path="model.safetensors", size=size),)
    assert entry.needs_yes(BaseRevision(repo=f"{author}/m", sha="0", files=files)) is asks


def test_a_rule_is_found_again_by_its_line() -> None:
    """An entry knows the line of each setting: its own, else that at the top; a default has none."""
    text = f"{HEAD}max_size: 1TB\nrepos:\n- repo: a/b\n  approval: auto\nauthors:\n- author: c\n"
    text += "  since: 2025-01-01\n  max_size: 2TB\n"
    assert effective(text, "A/b").lines == {
        "recipes": "watchlist.yaml:2", "max_size": "watchlist.yaml:3", "approval": "watchlist.yaml:6",
    }  # fmt: skip
    assert effective(text, "c/d").lines == {"recipes": "watchlist.yaml:2", "max_size": "watchlist.yaml:10"}


def test_a_budget_may_be_one_word_or_a_list() -> None:
    """Quiet hours of every day, of some days, over the week's end."""
    found = watchlist(f"{HEAD}budget: {{quiet: 'sat-mon 22:00-06:30', hours_a_day: 10h}}\n{REPOS}").budget
    assert float(found.hours_a_day or 0) == 36_000
    assert [(w.days, w.starts, w.minutes_long) for w in found.quiet] == [((5, 6, 0), 1320, 510)]


@given(st.integers(0, 10**6), st.sampled_from(sorted(SECONDS)))
def test_a_duration_is_its_number_times_its_unit(number: int, unit: str) -> None:
    """30m is 1800 seconds, with or without a space."""
    assert float(Duration.parse(f"{number}{unit}")) == number * SECONDS[unit]
    assert Duration.parse(f"{number} {unit}") == Duration.parse(f"{number}{unit}")


@given(st.integers(0, 10**6), st.sampled_from(sorted(BYTES)))
def test_a_size_is_its_number_times_its_unit(number: int, unit: str) -> None:
    """120GB is 120 × 10⁹ bytes, 120GiB is 120 × 2³⁰."""
    assert Size.parse(f"{number}{unit}") == number * BYTES[unit]
    assert Size.parse(f"{number}.5{unit}") == round((number + 0.5) * BYTES[unit])


@given(st.text(max_size=20))
def test_no_text_crashes_a_quantity(text: str) -> None:
    """Any text is a quantity that is not negative, or a ValueError that shows the text."""
    for kind in (Duration, Size):
        try:
            assert kind.parse(text) >= 0
        except ValueError as error:
            message = str(error)
            assert repr(text) in message


_LINES = st.sampled_from(
    ["account: me", "recipes: [q8]", "recipes: [", "every: 1h", "repos:", "- repo: a/b", "max_size: 1TB",
     "authors:", "- author: a", "  since: 2025-01-01", "approval: auto", "measure: {limit: 3}", "%"]
)  # fmt: skip


@given(st.lists(_LINES, max_size=9))
def test_any_heap_of_lines_is_a_watchlist_or_a_sentence(lines: list[str]) -> None:
    """Whatever order lines stand in, the answer is a Watchlist or a ConfigError with a line of the file."""
    try:
        assert watchlist("\n".join(lines)).account == "me"
    except ConfigError as error:
        line = int(str(error).split(":")[1])
        assert 1 <= line <= max(1, len(lines))


def test_a_missing_watchlist_names_the_way_out(tmp_path: Path) -> None:
    """Without a watchlist the error says how to get one."""
    with pytest.raises(ConfigError, match="bot init"):
        load_watchlist(tmp_path / "watchlist.yaml")
