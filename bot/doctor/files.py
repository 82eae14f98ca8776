"""Checks of what the publisher wrote: watchlist, recipes and card templates."""

from __future__ import annotations

from bot.doctor.finding import Finding, Place, fail, ok, warn
from bot.errors import ConfigError
from bot.recipes.book import Book


def watchlist(place: Place) -> Finding:
    path = place.settings.watchlist
    if not path.exists():
        return warn(f"{path} is not there: `bot publish` works, `bot run` has nothing to watch", "bot init")
    try:
        found = place.watchlist
    except ConfigError as error:
        what, _, meant = str(error).partition("; ")
        return fail(ConfigError, what, meant or "mend this line")
    book = Book(found.folders)
    if broken := tuple(book.mistakes().values()):
        what, _, meant = broken[0].partition("; ")
        more = f" (and {len(broken) - 1} more recipe files)" if len(broken) > 1 else ""
        return fail(ConfigError, what + more, meant or "mend this line")
    where = found.account or "the token's account"
    own = f", {len(book.own)} recipes of your own" if book.own else ""
    return ok(f"{path}: {len(found.repos)} repos and {len(found.authors)} authors for {where}{own}")


def templates(place: Place) -> Finding:
    import jinja2

    from bot.card import template_folder

    own = place.settings.templates
    sandbox = template_folder.environment(own)
    folders = [folder for folder in (own, template_folder.standard()) if folder]
    names = {
        path.relative_to(folder).as_posix()
        for folder in folders
        for path in folder.rglob(f"*{template_folder.SUFFIX}")
    }
    for name in sorted(names):
        try:
            sandbox.get_template(name)
        except jinja2.TemplateSyntaxError as error:
            where = f"{error.filename or name}:{error.lineno}"
            return fail(ConfigError, f"{where}: {error.message}", "mend this line")
    return ok(f"{len(names)} files in {' and '.join(str(folder) for folder in folders)}")
