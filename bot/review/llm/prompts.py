"""The two prompts, from templates in git: `card_templates/prompts/`, or an account's own `prompts/` folder.

What they may name: `this`, `card`, `models` (name, called, and what is known of each), `tasks`,
`functions` (call, does), `narrative`; the second one `refused` (number, sentence, why). Everything that
comes from upstream is printed through `data`: one line of JSON, which no name can break out of.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.card import numbers
from bot.card.board import Board, Model
from bot.card.facts import Facts
from bot.card.markdown import clean
from bot.card.template_folder import standard
from bot.errors import ConfigError
from bot.review.llm.draft import Sentence
from bot.review.llm.functions import described

FOLDER = "prompts"
MOST_MODELS = 24
"""Models in a prompt: this quant first, then in the board's order."""


def first(facts: Facts, board: Board, narrative: Sequence[str], own: Path | None = None) -> str:
    """Ask for a review. `own`: an account's folder of templates. Raises ConfigError for a wrong template."""
    return _rendered(
        "review.txt.j2", _context(facts, board) | {"narrative": [clean(s) for s in narrative]}, own
    )


def again(facts: Facts, board: Board, refused: Sequence[Sentence], own: Path | None = None) -> str:
    """Ask for new sentences in the place of the refused ones. Raises ConfigError for a wrong template."""
    told = [
        {"number": number, "sentence": clean(sentence.written), "why": clean(sentence.why)}
        for number, sentence in enumerate(refused, 1)
    ]
    return _rendered("again.txt.j2", _context(facts, board) | {"refused": told}, own)


def _rendered(name: str, context: dict[str, Any], own: Path | None) -> str:
    try:
        return _environment(own).get_template(name).render(context).strip() + "\n"
    except TemplateError as error:
        line = f", line {error.lineno}" if isinstance(error, TemplateSyntaxError) else ""
        raise ConfigError(f"{FOLDER}/{name}{line}: {error}: mend the template, or remove it") from error


@functools.lru_cache(maxsize=16)
def _environment(own: Path | None) -> ImmutableSandboxedEnvironment:
    folders = [folder / FOLDER for folder in (own, standard()) if folder]
    sandbox = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folders),
        undefined=StrictUndefined,
        autoescape=False,  # a prompt is plain text
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sandbox.filters["data"] = _data
    return sandbox


def _data(value: Any) -> str:
    """`value` as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def _context(facts: Facts, board: Board) -> dict[str, Any]:
    return {
        "card": clean(facts.card),
        "base_model": clean(facts.base_model),
        "this": clean(board.subject.name),
        "models": [_model(model, board) for model in board.models[:MOST_MODELS]],
        "tasks": {clean(task): clean(numbers.task_title(task)) for task in board.tasks},
        "functions": described(),
    }


def _model(found: Model, board: Board) -> dict[str, Any]:
    """What is known of one model, as a card would print it; what is not known is left out."""
    told = {
        "name": clean(found.name),
        "called": clean(found.label) if found.label != found.name else None,
        "what": {"subject": "this quant"}.get(found.role, found.role),
        "recipe": found.recipe and clean(found.recipe),
        "scores": {
            clean(task): round(s.value, 4) for task, s in found.scores.items() if task not in board.silent
        },
        "perplexity": found.perplexity and round(found.perplexity, 4),
        "kl": found.kl,
        "tokens_per_second": found.tokens_per_second,
        "size": numbers.size(found.size_bytes) if found.size_bytes else None,
        "bits_per_weight": found.bits_per_weight,
    }
    return {key: value for key, value in told.items() if value}
