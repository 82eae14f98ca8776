"""Lists of models and datasets: author, search, filters, sorting, pages."""

from __future__ import annotations

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
    """Public repos, and the caller's private ones, newest of the sort field first."""
    wanted = [info for info in _readable(call) if _matches(call, info)]
    field = SORTS.get(call.first("sort", "trendingScore"))
    if field is None:
        raise Refused(400, f'"sort" must be one of {", ".join(SORTS)}')
    wanted.sort(key=lambda info: info["id"])
    wanted.sort(key=lambda info: info[field], reverse=call.first("direction", "-1") != "1")
    shown, link = call.page(wanted, call.number("limit", PAGE, PAGE))
    return answer([_shaped(call, info) for info in shown], headers=link)


def _readable(call: Call) -> list[dict[str, Any]]:
    author = call.first("author")
    repos = [r for r in call.store.repos(call.kind) if not author or r.split("/")[0] == author]
    found = []
    for repo in repos:
        try:
            if call.may_read(call.store.settings(call.kind, repo)):
                found.append(describe.repo_info(call.store, call.kind, repo))
        except Refused:
            continue  # deleted while we looked
    return found


def _matches(call: Call, info: dict[str, Any]) -> bool:
    tags = set(info["tags"])
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
