"""An account that the Hub refuses (token revoked, storage limit): nothing more is tried for it by itself.

There is no mark to be set and forgotten; it is read off the runs. The newest publish of the account that
ended says how it stands: NotAllowed is a refusal. Since a refusal
  - a family that was begun before it stops before its next quant (`attempts.claim`);
  - the daemon starts none for that account (`accounts`).
A person's `bot retry` or `bot publish` begins a run after the refusal; it is tried, and when it goes well the
account is no longer refused.
"""

from __future__ import annotations

from typing import Any

from bot.errors import NotAllowed

LOOKED_AT = 50
"""The newest publishes of an account among which the one that ended last is looked for."""


def account_of(publish_id: str) -> str | None:
    """`publish:<account>/<name>@…`: the account; None for other ids."""
    kind, _, rest = publish_id.partition(":")
    return rest.split("/", 1)[0] if kind == "publish" and "/" in rest else None


def refusal(source: Any, publish_id: str, since: float = 0.0) -> str | None:
    """Why the account of this publish is refused since then (milliseconds), in a sentence; else None.

    `source`: DBOS or a client.
    """
    account = account_of(publish_id)
    if account is None:
        return None
    runs = source.list_workflows(
        workflow_id_prefix=f"publish:{account}/",
        status=["SUCCESS", "ERROR"],
        sort_desc=True,
        limit=LOOKED_AT,
        load_input=False,
    )
    last = max(runs, key=lambda run: run.completed_at or 0, default=None)
    if last is None or (last.completed_at or 0) <= since or not _is_refusal(last):
        return None
    return f"publishing to {account} stopped, because {last.error}"


def accounts(source: Any, named: set[str]) -> dict[str, str]:
    """Of these accounts, those that are refused now, each with its sentence. For the daemon: it starts
    nothing for them until a person's run went well."""
    found = {account: refusal(source, f"publish:{account}/") for account in sorted(named)}
    return {account: f"{why}; `bot retry` its run goes on" for account, why in found.items() if why}


def _is_refusal(run: Any) -> bool:
    kind = getattr(run.error, "name", None) or type(run.error).__name__
    return run.status == "ERROR" and kind == NotAllowed.__name__
