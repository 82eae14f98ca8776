"""Settings: every Hub has its own caches, and secrets stay where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import settings
from bot.errors import ConfigError
from bot.settings import REAL_HUB, Settings


def test_each_endpoint_has_caches_of_its_own(tmp_path: Path) -> None:
    """Two Hubs never share a cache folder, however alike their addresses are."""
    endpoints = [REAL_HUB, "http://127.0.0.1:8000", "http://127.0.0.1:8001", "http://localhost:8000"]
    homes = {Settings(home=tmp_path, endpoint=endpoint).hub_home for endpoint in endpoints}
    assert len(homes) == len(endpoints)


def test_runs_of_one_hub_are_unknown_to_another(tmp_path: Path) -> None:
    """Database, runs and work folders differ by endpoint: no run is ever executed on another Hub."""
    endpoints = [REAL_HUB, "http://127.0.0.1:8000", "http://127.0.0.1:8001"]
    known = [Settings(home=tmp_path, endpoint=endpoint) for endpoint in endpoints]

    assert len({settings.database for settings in known}) == len(endpoints)
    assert len({settings.run_folder("family:a/b@1") for settings in known}) == len(endpoints)
    assert known[0].database == f"sqlite:///{tmp_path}/bot.sqlite"


def test_off_the_real_hub_no_cache_of_the_user_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables that point to the user's caches do not reach a process that talks to another Hub."""
    for name in ("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_TOKEN_PATH"):
        monkeypatch.setenv(name, "/the/users/own")
    env = settings.hub_environment(Settings(home=tmp_path, endpoint="http://127.0.0.1:8000"))

    assert "/the/users/own" not in env.values()
    assert env["HF_HOME"].startswith(str(tmp_path))
    assert env["HF_HUB_DISABLE_XET"] == "1"
    assert env["BOT_LOOPBACK_ONLY"] == "1"


def test_on_the_real_hub_the_users_own_cache_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publisher's cache and xet serve the real Hub as they are."""
    monkeypatch.setenv("HF_HOME", "/the/users/own")
    monkeypatch.delenv("HF_HUB_DISABLE_XET", raising=False)
    env = settings.hub_environment(Settings(home=tmp_path))

    assert env["HF_HOME"] == "/the/users/own"
    assert "HF_HUB_DISABLE_XET" not in env
    assert "BOT_LOOPBACK_ONLY" not in env


@pytest.mark.parametrize("endpoint", ["huggingface.co", "http://[x]"])
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_ENDPOINT is checked before anything uses it."""
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(ConfigError, match="HF_ENDPOINT is"):
        settings.from_environment()


@pytest.mark.parametrize("run", ["publish:a/b@1+qx", "../../etc", "a" * 500, "family:x/y@z~2"])
def test_a_runs_folder_stays_in_home(tmp_path: Path, run: str) -> None:
    """Run ids hold slashes and dots; their folders never leave BOT_HOME, and never collide."""
    known = Settings(home=tmp_path)
    folder = known.run_folder(run)
    assert folder.parent == tmp_path / "runs"  # on the real Hub
    assert folder != known.run_folder(run + "x")
