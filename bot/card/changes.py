"""Which template files changed since a card was rendered, and whether that card's template uses them.

Git knows the one, Jinja's syntax tree the other: a card is rendered again only where the two meet. Where git
cannot tell, the answer is the careful one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, meta

from bot.card.template_folder import SUFFIX, environment, standard

if TYPE_CHECKING:
    import git

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

Touched = Callable[[str, "str | None", tuple[str, ...]], "frozenset[str] | None"]
"""(template, the commit its card names, further files on the card) -> the files it uses that changed since.

None where git cannot tell, so that the card may read otherwise now."""


def changed_blocks(folder: Path, since: str | None) -> frozenset[str] | None:
    """The files below `folder` that are other now than in the commit `since`; not yet committed counts too.

    None where git cannot tell: no git, no such commit in this repo, a card of a folder that was not clean.
    """
    if since is None or not _COMMIT.fullmatch(since):  # a manifest's word must be no option of git's
        return None
    try:
        import git  # needs the git program, which a machine may lack
    except ImportError:
        return None
    try:
        with git.Repo(folder, search_parent_directories=True) as repo:
            return _changed(repo, folder.resolve(), since)
    except (git.GitError, git.exc.ODBError, ValueError, OSError):
        return None


def _changed(repo: git.Repo, folder: Path, since: str) -> frozenset[str]:
    top = Path(repo.working_dir).resolve()
    diffs = repo.commit(since).diff(None, paths=[str(folder)])
    named = {path for diff in diffs for path in (diff.a_path, diff.b_path) if path}
    paths = (top / path for path in (*named, *repo.untracked_files))
    return frozenset(path.relative_to(folder).as_posix() for path in paths if path.is_relative_to(folder))


def uses(template: str, folder: Path | None) -> frozenset[str]:
    """The template's file and those it includes, and theirs, as paths below the templates' folder.

    `folder` is an account's own, laid over the standard one. A template that computes the name of what it
    includes is taken to use all. Raises ConfigError when `folder` is no folder.
    """
    sandbox = environment(folder)
    found: frozenset[str] = frozenset()
    waiting = [f"{template}{SUFFIX}"]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found |= {name}
        for included in _included(sandbox, name):
            if included is None:
                return found | _all(folder)
            waiting.append(included)
    return found


def _included(sandbox: Environment, name: str) -> tuple[str | None, ...]:
    """None for a computed name. What is missing or wrong includes nothing: rendering tells of it."""
    assert sandbox.loader is not None, "the templates' environment has one"
    try:
        source, _, _ = sandbox.loader.get_source(sandbox, name)
        return tuple(meta.find_referenced_templates(sandbox.parse(source)))
    except (TemplateNotFound, TemplateSyntaxError):
        return ()


def _all(own: Path | None) -> frozenset[str]:
    folders = (own, standard()) if own else (standard(),)
    return frozenset(
        path.relative_to(folder).as_posix() for folder in folders for path in folder.rglob(f"*{SUFFIX}")
    )


def touched_by(own: Path | None) -> Touched:
    """Asks git once for each folder and commit, and Jinja once for each template."""
    changed = functools.cache(changed_blocks)
    used_by = functools.cache(lambda template: uses(template, own))

    def touched(template: str, since: str | None, further: tuple[str, ...] = ()) -> frozenset[str] | None:
        used = used_by(template) | {f"{name}{SUFFIX}" for name in further}
        found: frozenset[str] = frozenset()
        if own is not None:
            others = changed(own, since)
            if others is None:
                return None
            found = used & others
            used = frozenset(name for name in used if not (own / name).is_file())
        if not used:
            return found
        others = changed(standard(), since)
        return (found or None) if others is None else found | (used & others)

    return touched
