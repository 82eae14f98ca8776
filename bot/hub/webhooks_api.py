"""Webhooks over the API, as `huggingface_hub.create_webhook` and its siblings speak it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.responses import Response

from bot.hub.answers import Refused, answer
from bot.hub.call import Call
from bot.hub.webhooks import Watched, Webhook, new_id
from bot.loopback import is_loopback_url


def list_webhooks(call: Call) -> Response:
    return answer([_shown(webhook) for webhook in call.hub.webhooks.all_of(call.logged_in())])


def create(call: Call) -> Response:
    """A webhook to an address of this machine; Refused (400) for any other, and for jobs."""
    owner, data = call.logged_in(), call.json()
    url = str(data.get("url") or "")
    if urlsplit(url).scheme not in ("http", "https") or not is_loopback_url(url):
        raise Refused(400, '"url" must be an http address of this machine: a loopback Hub tells nobody else')
    try:
        watched = msgspec.convert(data.get("watched"), tuple[Watched, ...])
        domains = msgspec.convert(data.get("domains") or ["repo"], tuple[str, ...])
    except msgspec.ValidationError as error:
        raise Refused(400, f'"watched" and "domains" are lists: {error}') from None
    made = Webhook(
        id=new_id(), owner=owner, url=url, watched=watched, domains=domains, secret=data.get("secret") or None
    )
    call.hub.webhooks.keep(made)
    return answer({"webhook": _shown(made)})


def get(call: Call) -> Response:
    return answer({"webhook": _shown(_mine(call))})


def delete(call: Call) -> Response:
    call.hub.webhooks.forget(_mine(call))
    return answer({})


def _mine(call: Call) -> Webhook:
    owner, name = call.logged_in(), call.params["webhook"]
    for webhook in call.hub.webhooks.all_of(owner):
        if webhook.id == name:
            return webhook
    raise Refused(404, "Webhook not found")


def _shown(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id, "url": webhook.url, "domains": webhook.domains, "secret": webhook.secret,
        "watched": [{"type": item.type, "name": item.name} for item in webhook.watched],
        "disabled": webhook.disabled,
    }  # fmt: skip
