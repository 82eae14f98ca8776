"""`bot adopt`: what stands on an account already, read into the ledger. Heavy imports wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from rich.table import Table

    from bot.adopt.account import Account
    from bot.adopt.adopted import Adopted


def adopt(
    account: Annotated[str, typer.Argument(help="Whose repos: a user or an organisation of the Hub.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and show, and keep nothing of it.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="The nightly re-read, now: what is wrong with what was published.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="With --check: put back what collections lack.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Read the repos that stand on an account into the ledger: adopted, not measured here.

    Nothing on the Hub is changed. Run again, it reads only what changed since.
    """
    from bot.adopt.account import refresh
    from bot.adopt.read import Reader
    from bot.cli import show
    from bot.huggingface import HubDoor
    from bot.journal.database import journal

    _refuse_a_repo(account)
    _refuse_together(check=check, yes=yes, dry_run=dry_run)
    known = settings_.from_environment()
    if check:
        _check(known, account, yes=yes, json=json)
        return
    with journal(known) as ledger, show.err().status(f"reading what stands on {account}") as status:
        found = refresh(
            Reader(HubDoor(known)),
            ledger,
            account,
            adopting=True,
            write=not dry_run,
            said=lambda repo, at, of: status.update(f"reading {repo} ({at} of {of})"),
        )
    _refuse_nobody(found)
    if json:
        show.as_json(_as_json(found, dry_run=dry_run))
    else:
        _report(found, dry_run=dry_run)
    _end(found)


def _refuse_a_repo(account: str) -> None:
    from bot.errors import UsageError
    from bot.hub.names import is_user

    if not is_user(account):
        raise UsageError(f"{account[:100]!r} is no account: write its name alone, without a repo's")


def _refuse_together(*, check: bool, yes: bool, dry_run: bool) -> None:
    from bot.errors import UsageError

    if yes and not check:
        raise UsageError("adopting changes nothing on the Hub and needs no --yes; it is for --check")
    if check and dry_run:
        raise UsageError("--check changes nothing on the Hub unless --yes is said: leave --dry-run out")


def _check(known: settings_.Settings, account: str, *, yes: bool, json: bool) -> None:
    """Say what is wrong, and with `yes` mend what the bot can mend by itself."""
    from bot.adopt.advisories import advisories
    from bot.adopt.reread import mend, reread
    from bot.cli import show
    from bot.huggingface import HubDoor
    from bot.journal import published
    from bot.journal.database import journal
    from bot.records import to_json

    door = HubDoor(known)
    with journal(known) as ledger, show.err().status(f"reading what {account} published"):
        troubles = reread(door, ledger, account, advisories(known.watchlist), whole=yes)
        mended = mend(door, troubles, published.of_account(ledger, account)) if yes else []
    if json:
        show.as_json(
            {
                "account": account,
                "troubles": [to_json(each) for each in troubles],
                "mended": [to_json(each) for each in mended],
            }
        )
        return
    console = show.out()
    for each in troubles:
        way_out = (
            "mended"
            if each in mended
            else f"{each.repair}: `{each.command}`"
            if each.command
            else each.repair
        )
        console.print(f"{each.text}; {way_out}.", markup=False, soft_wrap=True)
    console.print(
        f"{len(troubles)} things are wrong, {len(mended)} were mended." if troubles else "All is well."
    )


def _as_json(found: Account, *, dry_run: bool) -> dict[str, Any]:
    from bot.records import to_json

    return {
        "account": found.account,
        "adopted": [to_json(each) for each in found.of("adopted")],
        "made": [each.repo for each in found.of("made")],
        "foreign": [each.repo for each in found.of("foreign")],
        "read": list(found.read),
        "gone": [each.repo for each in found.gone],
        "failed": found.failed,
        "requests": found.requests,
        "dry_run": dry_run,
    }


def _report(found: Account, *, dry_run: bool) -> None:
    from bot.cli import show

    console = show.out()
    adopted, made, foreign = (found.of(each) for each in ("adopted", "made", "foreign"))
    if adopted:
        console.print(_table(adopted))
    for each in adopted:
        for note in each.notes:
            console.print(f"{each.repo}: {note}.", markup=False, soft_wrap=True)
    for repo, why in found.failed.items():
        console.print(f"{repo} was not read: {why}", markup=False, soft_wrap=True)
    for each in found.gone:
        console.print(f"{each.repo} is no longer there.", markup=False)
    console.print(
        f"{len(adopted)} adopted, {len(made)} made by the bot, {len(foreign)} that are no quants for MLX; "
        f"{len(found.read)} read anew; requests: {found.requests}."
        + (" Nothing was kept: this was a dry run." if dry_run else ""),
        soft_wrap=True,
    )


def _table(adopted: tuple[Adopted, ...]) -> Table:
    """A row for each quant, the quants of a base beside each other."""
    from rich.table import Table
    from rich.text import Text

    from bot.card.numbers import size

    table = Table(box=None, pad_edge=False)
    for name in ("adopted", "base", "recipe", "stored", "size", "in its card"):
        table.add_column(name, overflow="fold", justify="right" if name == "size" else "left")
    for each in sorted(adopted, key=lambda one: (one.base or one.base_name, one.repo)):
        row = (
            each.repo.split("/", 1)[1],
            f"{each.base or each.base_name} ({each.base_from})",
            f"{each.recipe.name or 'not known'} ({each.recipe.confidence})",
            _stored(each),
        )
        own = sum(1 for one in each.reported if one.own)
        table.add_row(*map(Text, row), size(each.size_bytes), f"{own} numbers" if own else "no number")
    return table


def _stored(each: Adopted) -> str:
    if each.stored is None or each.stored.bits is None:
        return "not quantized" if each.stored is not None else "not known"
    words = f"{each.stored.bits} bits in {each.stored.group_size}"
    return f"{words}, {each.stored.overrides} other" if each.stored.overrides else words


def _refuse_nobody(found: Account) -> None:
    """Raises NotFound where the account has nothing at all."""
    from bot.errors import NotFound

    if not (found.entries or found.gone or found.failed):
        raise NotFound(f"there is no repo of {found.account} that this token may see: check the name")


def _end(found: Account) -> None:
    """Raises HubUnavailable where something was not read."""
    from bot.errors import HubUnavailable

    if found.failed:
        raise HubUnavailable(
            f"{len(found.failed)} repos of {found.account} were not read: run it again, it reads only those"
        )
