"""The Hubs the suite runs against: a loopback one always, the real one under `-m real_hub`.

For the real one: HF_TOKEN with write scope and QX_SCRATCH_REPO, a namespace of yours (or a repo in
it, whose name then starts every scratch repo's name). What fails there is a difference between the
two Hubs; it is appended to the file QX_DIFFERENCES (default hub_differences.jsonl). QX_REAL_HUB names
another endpoint (a staging Hub, or a second loopback Hub to try this very path).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from bot.hub.process import LoopbackHub

_NUMBERS = itertools.count()


@dataclass
class Account:
    """A client with a namespace to write in. `fresh()` names a repo that is deleted afterwards."""

    api: HfApi
    namespace: str
    prefix: str = "qx-test"
    _made: list[tuple[str, str]] = field(default_factory=list)

    @property
    def anonymous(self) -> HfApi:
        return HfApi(endpoint=self.api.endpoint, token=False)

    def fresh(self, repo_type: str = "model") -> str:
        repo = f"{self.namespace}/{self.prefix}-{uuid.uuid4().hex[:8]}-{next(_NUMBERS)}"
        self._made.append((repo, repo_type))
        return repo

    def new_repo(self, repo_type: str = "model", *, private: bool = False) -> str:
        repo = self.fresh(repo_type)
        self.api.create_repo(repo, repo_type=repo_type, private=private)
        return repo

    def clean(self) -> None:
        while self._made:
            repo, repo_type = self._made.pop()
            with contextlib.suppress(Exception):
                self.api.delete_repo(repo, repo_type=repo_type, missing_ok=True)


@pytest.fixture(scope="session")
def shared_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    """One loopback Hub for all tests that only need one to talk to."""
    with LoopbackHub.start(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def hub(shared_hub: LoopbackHub) -> Iterator[LoopbackHub]:
    """The shared loopback Hub with no fault armed and an empty request log."""
    shared_hub.disarm()
    shared_hub.forget_requests()
    yield shared_hub
    shared_hub.disarm()


def client(hub: LoopbackHub, user: str) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=f"hf_{user}")


@pytest.fixture
def owner(hub: LoopbackHub) -> Account:
    """An account on the loopback Hub, for tests that make sense nowhere else."""
    return Account(client(hub, "ann"), "ann")


@pytest.fixture(params=["loopback", pytest.param("real", marks=pytest.mark.real_hub)])
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """An account on the Hub under test."""
    if request.param == "loopback":
        made = Account(client(request.getfixturevalue("hub"), "ann"), "ann")
    else:
        made = _real_account(request.getfixturevalue("real_hub_token"))
    yield made
    made.clean()


@pytest.fixture
def stranger(account: Account, request: pytest.FixtureRequest) -> HfApi:
    """Somebody else on the same Hub; on the real one QX_STRANGER_TOKEN says who."""
    if "loopback" in request.node.name:
        return HfApi(endpoint=account.api.endpoint, token="hf_bob")
    token = os.environ.get("QX_STRANGER_TOKEN")
    if not token:
        pytest.skip("set QX_STRANGER_TOKEN to another account's token")
    return HfApi(endpoint=account.api.endpoint, token=token)


def _real_account(token: str) -> Account:
    scratch = os.environ.get("QX_SCRATCH_REPO")
    if not scratch:
        pytest.skip("set QX_SCRATCH_REPO to a namespace you may write in")
    namespace, _, prefix = scratch.partition("/")
    endpoint = os.environ.get("QX_REAL_HUB", "https://huggingface.co")
    return Account(HfApi(endpoint=endpoint, token=token), namespace, prefix or "qx-test")


def record_difference(found: dict[str, Any]) -> None:
    """Append one difference between the two Hubs to the file of differences."""
    path = Path(os.environ.get("QX_DIFFERENCES", "hub_differences.jsonl"))
    with path.open("a") as file:
        file.write(json.dumps(found) + "\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if (
        item.get_closest_marker("real_hub")
        and call.excinfo
        and not call.excinfo.errisinstance(pytest.skip.Exception)
    ):
        promise = (getattr(item, "obj", item).__doc__ or "").strip()
        record_difference({"test": item.name, "promise": promise, "real_hub": str(call.excinfo.value)[:2000]})
    return report
