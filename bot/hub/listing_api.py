"""Lists of models and datasets: author, search, filters, sorting, pages, entity tags."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from bot.hub import describe
from bot.hub.answers import Refused, answer
from bot.hub.call import Call

PAGE = 1000
SORTS = {
    "lastModified": "lastModified", "createdAt": "createdAt", "downloads": "downloads", "likes": "likes",
    "trendingScore": "trendingScore", "likes7d": "likes",
}  # fmt: skip


def list_repos(call: Call) -> Response:
    """Public repos, and the caller's private ones, newest of the sort field first.

    The answer carries a weak entity tag of what it says; who sends it back (If-None-Match) and would get the
    same again gets 304 and no body.
    """
    field = SORTS.get(call.first("sort", "trendingScore"))
    if field is None:
        raise Refused(400, f'"sort" must be one of {", ".join(SORTS)}')
    wanted = [info for info in _readable(call, _described(call, field)) if _matches(call, info)]
    wanted.sort(key=lambda info: info["id"])
    wanted.sort(key=lambda info: info[field], reverse=call.first("direction", "-1") != "1")
    shown, link = call.page(wanted, call.number("limit", PAGE, PAGE))
    made = answer([_shaped(call, info) for info in shown], headers=link)
    made.headers["ETag"] = f'W/"{hashlib.sha256(bytes(made.body)).hexdigest()[:32]}"'
    if call.request.headers.get("if-none-match") == made.headers["ETag"]:
        return Response(status_code=304, headers={"ETag": made.headers["ETag"]})
    return made


def _described(call: Call, field: str) -> Callable[[str], dict[str, Any]]:
    """How much of each repo has to be read for the fields, filters and order that are asked for."""
    asked = {*call.values("expand"), field}
    if (
        call.values("expand")
        and asked <= set(describe.OUTER)
        and not (call.values("filter") or call.first("pipeline_tag"))
    ):
        return lambda repo: describe.outer_info(call.store, call.kind, repo)
    return lambda repo: describe.repo_info(call.store, call.kind, repo)


def _readable(call: Call, described: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for repo in call.store.repos(call.kind, call.first("author")):
        try:
            if call.may_read(call.store.settings(call.kind, repo)):
                found.append(described(repo))
        except Refused:
            continue  # deleted while we looked
    return found


def _matches(call: Call, info: dict[str, Any]) -> bool:
    tags = set(info.get("tags", ()))
    words = [word.lower() for text in call.values("search") for word in text.split()]
    filters = [tag for value in call.values("filter") for tag in value.split(",")]
    pipeline = call.first("pipeline_tag")
    gated = call.first("gated").lower()
    return (
        all(word in info["id"].lower() for word in words)
        and all(tag in tags for tag in filters)
        and (not pipeline or info.get("pipeline_tag") == pipeline)
        and (not gated or bool(info["gated"]) == (gated == "true"))
    )


def _shaped(call: Call, info: dict[str, Any]) -> dict[str, Any]:
    names: tuple[str, ...] = describe.FULL if call.flag("full") else describe.BRIEF
    if call.flag("cardData"):
        names = (*names, "cardData")
    if call.flag("config"):
        names = (*names, "config")
    return describe.shaped(info, call.values("expand"), names)
