"""Facts and a review in, README.md out: metadata, the notices that are due, then the template.

The metadata and the notices are not left to templates: a card without them would
be untrue whatever the template says.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any

from jinja2 import Environment, TemplateError, TemplateNotFound, TemplateSyntaxError
from msgspec.structs import replace

from bot.card import tables
from bot.card.facts import CardFacts
from bot.card.gate_words import gate_words
from bot.card.metadata import metadata
from bot.card.recipe_words import is_deckard
from bot.card.template_folder import SUFFIX, commit_of, environment, standard
from bot.errors import ConfigError
from bot.records import Card, Review

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_BLANK_LINES = re.compile(r"\n{3,}")


def render(facts: CardFacts, review: Review, templates: Path | None = None) -> Card:
    """The card of one quant. `templates` is an account's own folder, laid over the standard one.

    Raises ConfigError, with file and line, for a template that is missing, wrong, or
    asks for a fact that does not exist.
    """
    if not _NAME.fullmatch(facts.template):
        raise ConfigError(f"{facts.template!r} is no template's name: use letters, digits, dot, dash")
    own = templates.absolute() if templates else None
    sandbox = environment(own)
    facts = replace(facts, template_commit=commit_of(own or standard()))
    context = _context(facts, review)
    body = "\n\n".join(
        _render(sandbox, part + SUFFIX, context) for part in (*_notices(facts), facts.template)
    )
    tidy = _BLANK_LINES.sub("\n\n", body).strip()
    return Card(
        text=f"---\n{metadata(facts)}\n---\n\n{tidy}\n",
        template=facts.template,
        template_commit=facts.template_commit,
        title=facts.name,
    )


def _notices(facts: CardFacts) -> list[str]:
    """The blocks on top that are not left to templates."""
    stopped = facts.gate is not None and not facts.gate.passed
    due = {"rehearsal": facts.rehearsal, "stopped": stopped, "running": facts.measuring}
    return [f"blocks/{name}" for name, is_due in due.items() if is_due]


def _context(facts: CardFacts, review: Review) -> dict[str, Any]:
    """Everything a template may name. card_templates/README.md documents each."""
    rows = tables.family(facts)
    return {
        "facts": facts,
        "review": review,
        "family": rows,
        "chip": tables.one_chip(rows),
        "tasks": tables.tasks(facts, review.says_nothing),
        "compared": tuple(name for name, _ in tables.others_of(facts)),
        "gate": gate_words(facts),
        "deckard": is_deckard(facts.recipe),
    }


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
        raise ConfigError(f"{_place(error) or name}: {error}") from error


def _place(error: BaseException) -> str | None:
    """`file:line` of the template where a run-time error happened (Jinja puts it in the traceback)."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(SUFFIX)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None
