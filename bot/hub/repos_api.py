"""Repos as a whole: create, delete, move, settings, refs, info, and who is asking."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from bot.hub import describe, metadata
from bot.hub.answers import Refused, answer, repo_not_found
from bot.hub.call import KINDS, Call
from bot.hub.names import check_ref
from bot.hub.reading import MAIN, Kind, RepoSettings
from bot.hub.webhooks import Event

COMMITS_PER_PAGE = 50


def _named(call: Call, data: dict[str, Any]) -> tuple[Kind, str]:
    """(kind, repo id) a create or delete body names; Refused (400) for a kind not kept here."""
    kind = KINDS.get(f"{data.get('type') or 'model'}s")
    if kind is None:
        raise Refused(400, f"this loopback Hub keeps models and datasets, no {data.get('type')}")
    owner = data.get("organization") or call.logged_in()
    return kind, f"{owner}/{data.get('name')}"


def _is_private(data: dict[str, Any]) -> bool | None:
    visibility = data.get("visibility")
    if visibility not in (None, "public", "private"):
        raise Refused(400, f'"visibility" must be public or private, not {visibility!r}')
    private = data.get("private")
    return visibility == "private" if visibility else private


def create(call: Call) -> Response:
    data = call.json()
    call.logged_in()
    kind, repo = _named(call, data)
    call.owner_only(repo.split("/")[0], f"create a {kind}")
    url = call.repo_url(kind, repo)
    try:
        call.store.create_repo(kind, repo, private=bool(_is_private(data)), author=call.user)
    except Refused as refused:
        refused.extra["url"] = url  # the client reads it from a 409, too
        raise
    call.announce(Event("create", "repo"), kind, repo)
    return answer({"url": url, "name": repo, "id": describe.object_id(kind, repo)})


def delete(call: Call) -> Response:
    call.logged_in()
    kind, repo = _named(call, call.json())
    settings = call.writable(kind, repo)
    call.store.delete_repo(kind, repo)
    call.announce(Event("delete", "repo"), kind, repo, private=settings.private)
    return answer({})


def move(call: Call) -> Response:
    data = call.json()
    kind: Kind = "dataset" if data.get("type") == "dataset" else "model"
    source, target = str(data.get("fromRepo")), str(data.get("toRepo"))
    call.writable(kind, source)
    call.owner_only(target.split("/")[0], f"create a {kind}")
    call.store.move_repo(kind, source, target)
    to = {"name": target, "owner": {"id": describe.object_id("user", target.split("/")[0])}}
    call.announce(Event("move", "repo"), kind, source, movedTo=to)
    return answer({"url": call.repo_url(kind, target)})


def update_settings(call: Call) -> Response:
    settings = call.writable()
    data = call.json()
    changes: dict[str, Any] = {}
    private = _is_private(data)
    if private is not None:
        changes["private"] = private
    if "gated" in data:
        if data["gated"] not in ("auto", "manual", False):
            raise Refused(400, '"gated" must be auto, manual or false')
        changes["gated"] = data["gated"]
    changed = call.store.update_settings(settings.kind, settings.id, **changes)
    shown = {name: value for name, value in changes.items() if name == "private"}
    call.announce(Event("update", "repo.config"), settings.kind, settings.id, updatedConfig=shown)
    return answer({"private": changed.private, "gated": changed.gated})


def info(call: Call) -> Response:
    settings = call.readable()
    found = describe.repo_info(
        call.store, settings.kind, settings.id, call.revision, blobs=call.flag("blobs")
    )
    if call.flag("securityStatus"):
        found["securityRepoStatus"] = {"scansDone": False, "filesWithIssues": []}
    return answer(describe.shaped(found, call.values("expand")))


def auth_check(call: Call) -> Response:
    call.downloadable()
    return answer({})


def auth_check_write(call: Call) -> Response:
    call.writable()
    return answer({})


# ------------------------------------------------------------------ refs


def refs(call: Call) -> Response:
    settings = call.readable()
    found = call.store.refs(settings.kind, settings.id)
    shown: dict[str, Any] = {
        "branches": [_ref(n, f"refs/heads/{n}", c) for n, c in sorted(found.branches.items())],
        "tags": [_ref(n, f"refs/tags/{n}", c) for n, c in sorted(found.tags.items())],
        "converts": [],
    }
    if call.flag("include_prs"):
        shown["pullRequests"] = []
    return answer(shown)


def _ref(name: str, ref: str, commit: str) -> dict[str, str]:
    return {"name": name, "ref": ref, "targetCommit": commit}


def create_branch(call: Call) -> Response:
    settings = call.writable()
    start = str(call.json().get("startingPoint") or MAIN)
    call.store.create_ref(settings.kind, settings.id, call.revision, start)
    return answer({})


def delete_branch(call: Call) -> Response:
    settings = call.writable()
    call.store.delete_ref(settings.kind, settings.id, call.revision)
    return answer({})


def create_tag(call: Call) -> Response:
    settings = call.writable()
    tag = check_ref(str(call.json().get("tag") or ""))
    call.store.create_ref(settings.kind, settings.id, tag, call.revision, tag=True)
    return answer({})


def delete_tag(call: Call) -> Response:
    settings = call.writable()
    call.store.delete_ref(settings.kind, settings.id, call.revision, tag=True)
    return answer({})


def commits(call: Call) -> Response:
    settings = call.readable()
    log = list(call.store.log(settings.kind, settings.id, call.revision))
    shown, link = call.page(log, call.number("limit", COMMITS_PER_PAGE, 1000))
    body = [
        {
            "id": c.id, "title": c.title, "message": c.description, "date": c.date,
            "authors": [{"user": c.author, "avatar": ""}],
        }
        for c in shown
    ]  # fmt: skip
    if "formatted" in call.values("expand"):
        for item in body:
            item["formatted"] = {"title": item["title"], "message": item["message"]}
    return answer(body, headers={**link, "X-Total-Count": str(len(log))})


# ------------------------------------------------------------------ who


def whoami(call: Call) -> Response:
    name = call.logged_in()
    token = {"displayName": "loopback", "role": "write", "createdAt": "2020-01-01T00:00:00.000Z"}
    return answer(
        {
            "type": "user", "id": describe.object_id("user", name), "name": name, "fullname": name,
            "email": f"{name}@localhost", "emailVerified": True, "canPay": False, "isPro": False,
            "periodEnd": None, "avatarUrl": "", "orgs": [],
            "auth": {"type": "access_token", "accessToken": token},
            # Not the real Hub's: with --open this token may write for anybody.
            "writesEverywhere": call.hub.open_,
        }
    )  # fmt: skip


def user_overview(call: Call) -> Response:
    name = call.params["owner"]
    shown: dict[Kind, list[RepoSettings]] = {
        kind: [
            s
            for s in (
                call.store.settings(kind, r) for r in call.store.repos(kind) if r.startswith(f"{name}/")
            )
            if call.may_read(s)
        ]
        for kind in ("model", "dataset")
    }
    return answer(
        {"user": name, "fullname": name, "avatarUrl": "", "isPro": False, "type": "user",
         "numModels": len(shown["model"]), "numDatasets": len(shown["dataset"])}
    )  # fmt: skip


def validate_yaml(call: Call) -> Response:
    errors, warnings = metadata.validate(str(call.json().get("content") or ""))
    body = {"errors": [{"message": e} for e in errors], "warnings": [{"message": w} for w in warnings]}
    return answer(body, status=400 if errors else 200)


def missing(call: Call) -> Response:
    """Anything under /api/models or /api/datasets that is no repo id."""
    raise repo_not_found(anonymous=call.user is None)
