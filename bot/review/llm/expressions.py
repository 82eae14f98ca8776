"""Expressions in a model's sentences: `{{ score("this", "boolq") }}`, and nothing beyond such calls.

A sentence is hostile text. Before anything runs, its syntax tree is held against a short list: plain text,
and calls of a known function with words as arguments. No literal is ever printed, so every number in the
result comes out of a function, that is, out of the facts. The sandbox is the second wall behind this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.errors import ConfigError
from bot.records import Record

LONGEST = 4000
"""Characters of one sentence; a longer one is none."""


class Refused(Exception):  # noqa: N818  it says what happened
    """A sentence that cannot be printed; the message tells the model why."""


class Written(Record, frozen=True, kw_only=True):
    """A sentence taken apart: `words` is what the model wrote itself, with a space for each expression;
    `arguments` are the names that its expressions ask for."""

    words: str
    arguments: tuple[str, ...]
    shown: str


def rendered(sentence: str, functions: Mapping[str, Callable[..., str]]) -> Written:
    """The sentence with its expressions worked out. Raises Refused with the reason."""
    if len(sentence) > LONGEST:
        raise Refused("it is too long for a sentence")
    sandbox = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    sandbox.globals = dict(functions)
    sandbox.filters, sandbox.tests = {}, {}
    try:
        words, arguments = _taken_apart(sandbox.parse(sentence), functions)
        shown = sandbox.from_string(sentence).render()
    except ConfigError as error:
        raise Refused(str(error)) from error
    except TypeError as error:
        raise Refused("a function is called with too few or too many words") from error
    except (TemplateError, RecursionError, MemoryError) as error:
        raise Refused('an expression is not written as `{{ function("name", "name") }}`') from error
    return Written(words=words, arguments=arguments, shown=shown)


def _taken_apart(
    template: nodes.Template, functions: Mapping[str, Callable[..., str]]
) -> tuple[str, tuple[str, ...]]:
    """The sentence's own words and the names in its calls. Raises Refused for everything else in it."""
    words: list[str] = []
    arguments: list[str] = []
    for node in template.body:
        if not isinstance(node, nodes.Output):
            raise Refused("it holds `{% … %}`: only text and `{{ … }}` may stand in a sentence")
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                words.append(part.data)
            else:
                arguments += _arguments(part, functions)
                words.append(" ")
    return "".join(words), tuple(arguments)


def _arguments(part: nodes.Expr, functions: Mapping[str, Callable[..., str]]) -> list[str]:
    """The names that a call is given. Raises Refused for everything but a call of a known function."""
    known = ", ".join(functions)
    if not isinstance(part, nodes.Call) or not isinstance(part.node, nodes.Name):
        raise Refused(f"an expression must be one call of a function; there are {known}")
    if part.node.name not in functions:
        raise Refused(f"there is no function {part.node.name!r}; there are {known}")
    given = [*part.args, *(keyword.value for keyword in part.kwargs)]
    names = [word.value for word in given if isinstance(word, nodes.Const) and isinstance(word.value, str)]
    if part.dyn_args or part.dyn_kwargs or len(names) < len(given):
        raise Refused("a function takes names in quotation marks and nothing else")
    return names
