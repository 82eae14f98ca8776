"""Facts and a review in, README.md out: metadata, the notices that are due, then the template.

The metadata and the notices are not left to templates: a card without them would
be untrue whatever the template says.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, get_args

from jinja2 import Environment, TemplateError, TemplateNotFound, TemplateSyntaxError
from msgspec.structs import replace

from bot.card import tables
from bot.card.board import Board, board
from bot.card.facts import Facts, Kind
from bot.card.gate_words import gate_words
from bot.card.markdown import Markdown
from bot.card.metadata import metadata, sees, upstream
from bot.card.recipe_words import is_deckard
from bot.card.score_tables import Shown, score_tables
from bot.card.signature import reviewed, signature
from bot.card.template_folder import SUFFIX, commit_of, environment, standard
from bot.errors import ConfigError
from bot.records import Card, Review

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PYTHON = re.compile(r"'bot\.(?:\w+\.)*(?P<kind>\w+) object' has no attribute '(?P<name>\w+)'")
_BLANK_LINES = re.compile(r"\n{3,}")


class Picture(Protocol):
    """A picture beside the card: files for light and dark pages, what it shows, its width in CSS pixels."""

    @property
    def path(self) -> str: ...

    @property
    def dark_path(self) -> str: ...

    @property
    def alt(self) -> str: ...

    @property
    def width(self) -> int: ...


def render(
    facts: Facts,
    review: Review,
    templates: Path | None = None,
    pictures: Sequence[Picture] = (),
    *,
    commit: Callable[[Path], str | None] = commit_of,
) -> Card:
    """The card of one quant. `templates` is an account's own folder, laid over the standard one.

    `commit` gives a folder's commit: who renders many cards asks git once.

    Raises ConfigError, with file and line, for a template that is missing, wrong, or
    asks for a fact that does not exist.
    """
    template = template_for(facts) if facts.template is None else facts.template
    if not _NAME.fullmatch(template):
        raise ConfigError(f"{template!r} is no template's name: use letters, digits, dot, dash")
    own = templates.absolute() if templates else None
    sandbox = environment(own)
    facts = replace(facts, template=template, template_commit=commit(own or standard()))
    context = _context(facts, board(facts), review, pictures)
    body = "\n\n".join(_render(sandbox, part + SUFFIX, context) for part in (*_notices(facts), template))
    tidy = _BLANK_LINES.sub("\n\n", body).strip()
    return Card(
        text=f"---\n{metadata(facts)}\n---\n\n{tidy}\n",
        template=template,
        template_commit=facts.template_commit,
        title=facts.name,
    )


def template_for(facts: Facts) -> str:
    """The template whose tables the facts name; the standard card where they name none."""
    kinds = {table.kind for table in facts.tables}
    fitting = (
        ("rivals", {"delta", "summary"}),
        ("across", {"profile"}),
        ("siblings", {"scores", "difference"}),
        ("duel", {"difference"}),
    )
    return next((name for name, needed in fitting if needed <= kinds), "quant")


def notices(*, rehearsal: bool, stopped: bool, measuring: bool, recalled: bool = False) -> tuple[str, ...]:
    """The blocks on top that are not left to templates."""
    due = {"rehearsal": rehearsal, "recalled": recalled, "stopped": stopped, "running": measuring}
    return tuple(f"blocks/{name}" for name, is_due in due.items() if is_due)


def _notices(facts: Facts) -> tuple[str, ...]:
    found = facts.measured
    stopped = found is not None and found.gate is not None and not found.gate.passed
    measuring = found is not None and found.measuring
    return notices(
        rehearsal=facts.rehearsal,
        stopped=stopped,
        measuring=measuring,
        recalled=facts.recalled is not None,
    )


def _context(facts: Facts, known: Board, review: Review, pictures: Sequence[Picture]) -> dict[str, Any]:
    """Everything a template may name. card_templates/README.md documents each."""
    adopted = facts.measured.adopted if facts.measured else ()
    rows = tables.family(known, facts.endpoint, adopted)
    shown = score_tables(facts, known)
    return {
        "facts": facts,
        "measured": facts.measured,
        "metadata": upstream(facts),
        "subject": known.subject,
        "review": review,
        "family": rows,
        "chip": tables.one_chip(rows),
        "tasks": tables.tasks(known, review.says_nothing),
        "compared": tuple(model.label for model in tables.others_of(known)),
        "tables": _by_kind(shown),
        "own_tables": shown if facts.tables else (),
        "pictures": pictures,
        "words": tuple({"text": Markdown(each.text), "signed": each.signed} for each in facts.words),
        "gate": gate_words(facts.measured),
        "deckard": is_deckard(facts.recipe),
        "sees": sees(facts),
        "signature": signature(facts),
        "reviewed": reviewed(facts),
        "account": facts.repo.partition("/")[0] if facts.repo else None,
    }


def _by_kind(shown: tuple[Shown, ...]) -> dict[str, tuple[Shown, ...]]:
    """The tables by their kind; a kind that the facts cannot fill is empty."""
    return {kind: tuple(table for table in shown if table.kind == kind) for kind in get_args(Kind)}


def _render(sandbox: Environment, name: str, context: dict[str, Any]) -> str:
    try:
        return sandbox.get_template(name).render(context)
    except TemplateSyntaxError as error:
        raise ConfigError(f"{error.filename or error.name}:{error.lineno}: {error.message}") from error
    except TemplateNotFound as error:
        raise ConfigError(
            f"{_place(error) or name}: there is no template {error.name!r}: add it to card_templates/"
        ) from error
    except (TemplateError, TypeError, ValueError, AttributeError, ArithmeticError, LookupError) as error:
        raise ConfigError(f"{_place(error) or name}: {_PYTHON.sub(_plainly, str(error))}") from error


def _plainly(found: re.Match[str]) -> str:
    """`'bot.card.facts.Facts object' has no attribute 'colour'`, as someone who writes cards would say it."""
    return f"{found['kind'].lower()} has no {found['name']!r}; card_templates/README.md lists what there is"


def _place(error: BaseException) -> str | None:
    """`file:line` of the template where a run-time error happened (Jinja puts it in the traceback)."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(SUFFIX)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None
