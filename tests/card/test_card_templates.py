"""Templates: what they may do, how their mistakes are told, which commit they are from."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import git
import pytest
from msgspec.structs import replace

from bot.card.render import render
from bot.card.template_folder import commit_of, standard
from bot.errors import ConfigError
from bot.records import Card
from bot.review.review import review
from tests.card.examples import card_facts
from tests.card.parsed import body

Write = Callable[[str], Card]


@pytest.fixture
def rendered(tmp_path: Path) -> Write:
    """Render a card from a template text of one's own."""

    def write(source: str) -> Card:
        (tmp_path / "quant.md.j2").write_text(source)
        facts = card_facts()
        return render(facts, review(facts), tmp_path)

    return write


@pytest.mark.parametrize(
    "source",
    [
        "{{ facts.no_such_fact }}",
        "{{ nothing }}",
        "{{ measured.measurement.perplexity.mean }}",
        "{{ facts.repo | no_such_filter }}",
        "{% if %}",
        "{{ facts.repo + 1 }}",
        "{{ 1 / 0 }}",
        "{% include 'blocks/missing.md.j2' %}",
        "{% macro m() %}x{% endmacro %}",
        "{% set x %}x{% endset %}",
    ],
)
def test_mistake_is_told_with_file_and_line(rendered: Write, tmp_path: Path, source: str) -> None:
    """Whatever is wrong in a template, the error names its file and line."""
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path / 'quant.md.j2'}:3: ")):
        rendered(f"# Title\n\n{source}\n")


def test_mistake_in_a_block_names_the_block(tmp_path: Path) -> None:
    """The file named is the block that holds the mistake, not the template that includes it."""
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / "links.md.j2").write_text("ok\n{{ facts.linkz }}\n")
    facts = card_facts()
    with pytest.raises(ConfigError, match=r"links\.md\.j2:2: .*linkz"):
        render(facts, review(facts), tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ facts.__class__ }}",
        "{{ facts.__struct_fields__ }}",
        "{{ review.__init__.__globals__ }}",
        "{{ '%s' | attr('__class__') }}",
        "{{ '{0.__class__}'.format(facts) }}",
        "{{ facts.repo | attr('__doc__') }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ lipsum.__globals__ }}",
        "{{ open('/etc/passwd').read() }}",
        "{% include '/etc/passwd' %}",
        "{% include '../secret.md.j2' %}",
        "{% include 'link.md.j2' %}",
        "{% import 'os' as os %}",
        "{% do measured.versions.update({}) %}",
        "{{ measured.versions.clear() }}",
        "{{ range(10 ** 9) | list }}",
    ],
)
def test_template_reaches_nothing_outside(rendered: Write, tmp_path: Path, source: str) -> None:
    """No file outside the folder, no Python object, no change to the facts, no endless loop."""
    (tmp_path.parent / "secret.md.j2").write_text("secret")
    (tmp_path / "link.md.j2").symlink_to(tmp_path.parent / "secret.md.j2")
    with pytest.raises(ConfigError):
        rendered(source)


def test_printed_values_are_text_and_template_text_is_markdown(rendered: Write) -> None:
    """Markdown written in the template acts; the same characters out of an expression do not."""
    card = rendered('**bold** {{ "**bold** <b>" }} {{ [1, 2] | join("|") }}')
    assert body(card.text).strip() == "**bold** &#42;&#42;bold&#42;&#42; &#60;b&#62; 1&#124;2"


def test_own_block_replaces_the_standard_one(tmp_path: Path) -> None:
    """A folder with one block changes that block; everything else comes from the standard templates."""
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / "use.md.j2").write_text("Ask your librarian.\n")
    facts = card_facts()
    text = render(facts, review(facts), tmp_path).text
    assert "Ask your librarian." in text
    assert "lms get" not in text
    assert "## Family" in text


def test_saved_template_is_used_at_once(rendered: Write) -> None:
    """A template changed between two renderings gives the new card."""
    assert "one" in rendered("one").text
    assert "two, longer" in rendered("two, longer").text


@pytest.mark.parametrize("name", ["../quant", "/etc/passwd", "", "no-such-template", "blocks/../quant"])
def test_template_name_that_is_none_is_refused(name: str) -> None:
    """A name that escapes the folder, or that nothing has, is a configuration error."""
    facts = replace(card_facts(), template=name)
    with pytest.raises(ConfigError, match="template"):
        render(facts, review(facts))


def test_missing_folder_is_named() -> None:
    """A folder of templates that is not there is told with the way out."""
    facts = card_facts()
    with pytest.raises(ConfigError, match="/nowhere/at/all is no folder of templates"):
        render(facts, review(facts), Path("/nowhere/at/all"))


def test_every_block_is_documented() -> None:
    """card_templates/README.md has a line for each template and block, and names none that is gone."""
    blocks = {path.name.removesuffix(".md.j2") for path in (standard() / "blocks").iterdir()}
    readme = (standard() / "README.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", readme.split("Your own templates")[0], re.MULTILINE))
    templates = {path.name.removesuffix(".md.j2") for path in standard().glob("*.md.j2")}
    assert documented == blocks | templates


class TestCommit:
    """Which commit a card's templates are from."""

    @pytest.fixture
    def repository(self, tmp_path: Path) -> git.Repo:
        repository = git.Repo.init(tmp_path)
        with repository.config_writer() as config:
            config.set_value("user", "name", "T").set_value("user", "email", "t@example.org")
        return repository

    def commit(self, repository: git.Repo, path: str, text: str) -> str:
        file = Path(repository.working_dir) / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        repository.index.add([path])
        return repository.index.commit(f"change {path}").hexsha

    def test_is_the_last_one_that_touched_the_folder(self, repository: git.Repo, tmp_path: Path) -> None:
        """A commit elsewhere in the repository leaves the templates' commit as it was."""
        first = self.commit(repository, "templates/quant.md.j2", "one")
        self.commit(repository, "other.txt", "unrelated")
        assert commit_of(tmp_path / "templates") == first
        second = self.commit(repository, "templates/quant.md.j2", "two")
        assert commit_of(tmp_path / "templates") == second

    def test_is_marked_when_something_is_not_committed(self, repository: git.Repo, tmp_path: Path) -> None:
        """An edited or a new file makes it `<sha>-dirty`; one outside the folder does not."""
        sha = self.commit(repository, "templates/quant.md.j2", "one")
        (tmp_path / "outside.txt").write_text("x")
        assert commit_of(tmp_path / "templates") == sha
        (tmp_path / "templates" / "new.md.j2").write_text("x")
        assert commit_of(tmp_path / "templates") == f"{sha}-dirty"

    def test_is_none_outside_git(self, tmp_path: Path) -> None:
        """A folder in no repository, or never committed, has none."""
        assert commit_of(tmp_path) is None
        git.Repo.init(tmp_path)
        assert commit_of(tmp_path) is None

    def test_stands_on_the_card(self, repository: git.Repo, tmp_path: Path) -> None:
        """The card's record and its last line name the commit."""
        sha = self.commit(repository, "templates/blocks.md.j2", "x")
        facts = card_facts()
        card = render(facts, review(facts), tmp_path / "templates")
        assert card.template_commit == sha
        assert sha in card.text.splitlines()[-1]
