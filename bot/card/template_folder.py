"""Where card templates lie, which commit they are from, and the sandbox they run in."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.card import markdown, numbers
from bot.card.score_tables import quants
from bot.errors import ConfigError

SUFFIX = ".md.j2"
_FILTERS = (
    "abs", "batch", "default", "dictsort", "first", "groupby", "int", "join", "last", "length", "list",
    "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select",
    "selectattr", "slice", "sort", "sum", "title", "trim", "truncate", "unique", "upper",
)  # fmt: skip
"""Jinja's own filters a template may use: those that only compute."""

_NOT_TEXT = (
    nodes.Macro,
    nodes.CallBlock,
    nodes.FilterBlock,
    nodes.AssignBlock,
    nodes.Import,
    nodes.FromImport,
)


def standard() -> Path:
    """The templates that come with the bot: inside an installed package, else at the top of the repo."""
    package = Path(__file__).resolve().parent.parent
    packaged = package / "_card_templates"
    return packaged if packaged.is_dir() else package.parent / "card_templates"


class _Folders(BaseLoader):
    """Templates of the first folder that has them. Nothing outside the folders, by link or by `..`."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self.folders = tuple(folder.resolve() for folder in folders)

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        if (path := self._find(template)) is None:
            raise TemplateNotFound(template)
        return self._read(environment, template, path)

    def _find(self, template: str) -> Path | None:
        for folder in self.folders:
            path = (folder / template).resolve()
            if template.endswith(SUFFIX) and path.is_relative_to(folder) and path.is_file():
                return path
        return None

    def _read(
        self, environment: Environment, template: str, path: Path
    ) -> tuple[str, str, Callable[[], bool]]:
        changed = path.stat().st_mtime_ns
        source = path.read_text(encoding="utf-8")
        for found in environment.parse(source, template, str(path)).find_all(_NOT_TEXT):
            kind = type(found).__name__
            raise TemplateSyntaxError(
                f"{kind} is not available: put the text in a file under blocks/ and include it",
                found.lineno, template, str(path),
            )  # fmt: skip
        before = tuple(folder / template for folder in self.folders)
        before = before[: next(at for at, each in enumerate(before) if each.resolve() == path)]

        def is_current() -> bool:
            covered = any(each.exists() for each in before)
            return not covered and path.is_file() and path.stat().st_mtime_ns == changed

        return source, str(path), is_current


@functools.lru_cache(maxsize=16)
def environment(own: Path | None) -> Environment:
    """The sandbox for an account's `own` folder laid over the standard templates, file by file.

    Raises ConfigError when `own` is no folder.
    """
    if own is not None and not own.is_dir():
        raise ConfigError(f"{own} is no folder of templates: create it, or unset BOT_TEMPLATES")
    sandbox = ImmutableSandboxedEnvironment(
        loader=_Folders((own, standard()) if own else (standard(),)),
        undefined=StrictUndefined,
        autoescape=False,  # HTML escaping leaves Markdown active: finalize escapes for both
        finalize=markdown.finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    sandbox.filters = {name: sandbox.filters[name] for name in _FILTERS} | _card_filters()
    sandbox.globals = {"range": sandbox.globals["range"]}
    return sandbox


def _card_filters() -> dict[str, Callable[..., Any]]:
    """Number filters print as they are, unbroken; `task_title` and `listed` give text to be escaped."""

    def printed(write: Callable[[Any], str]) -> Callable[[Any], markdown.Markdown]:
        return lambda value: markdown.Markdown(write(value).replace(" ", "\u00a0"))

    filters: dict[str, Callable[..., Any]] = {
        write.__name__: printed(write)
        for write in (
            numbers.score, numbers.perplexity, numbers.size, numbers.tokens_per_second, numbers.bits,
            numbers.count, numbers.difference, numbers.percent, numbers.significant,
        )
    }  # fmt: skip
    words = (
        markdown.code,
        markdown.link,
        markdown.python,
        markdown.shell,
        markdown.attribute,
        markdown.cell,
        quants.perplexity_of,
        numbers.task_title,
        numbers.listed,
    )
    return filters | {word.__name__: word for word in words}


def commit_of(folder: Path) -> str | None:
    """The commit that last changed the folder; `<sha>-dirty` when it differs from that; None outside git."""
    try:
        import git  # needs the git program, which a machine may lack
    except ImportError:
        return None
    try:
        with git.Repo(folder, search_parent_directories=True) as repo:
            commit = next(repo.iter_commits(paths=str(folder.resolve()), max_count=1), None)
            if commit is None:
                return None
            dirty = repo.is_dirty(path=str(folder.resolve()), untracked_files=True)
            return f"{commit.hexsha}-dirty" if dirty else commit.hexsha
    except (git.GitError, ValueError):
        return None
