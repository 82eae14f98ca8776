"""compose.yaml keeps its promises as text; no container engine runs it here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from bot import settings
from bot.cli import app

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text()
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
VOLUMES: dict[str, Any] = yaml.safe_load(TEXT)["volumes"]


def test_it_is_a_postgres_and_a_daemon_that_waits_for_it() -> None:
    """Two services; the daemon starts once the database answers, and runs a command that bot has."""
    assert set(SERVICES) == {"postgres", "bot"}
    assert SERVICES["bot"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    commands = {command.name for command in app.registered_commands}
    assert SERVICES["bot"]["command"][0] in commands
    check = SERVICES["bot"]["healthcheck"]["test"]
    assert check[:2] == ["CMD", "bot"]
    assert check[2] in commands
    assert "pg_isready" in SERVICES["postgres"]["healthcheck"]["test"][1]


def test_both_come_back_by_themselves_and_keep_their_data_in_named_volumes() -> None:
    """A restart of the machine, or of a service, loses nothing; the daemon has time to park its step."""
    for service in SERVICES.values():
        assert service["restart"] == "unless-stopped"
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(VOLUMES)
    (data,) = SERVICES["bot"]["volumes"]
    assert data.split(":")[1] in (ROOT / "Dockerfile").read_text(), "the volume of the image"
    assert int(SERVICES["bot"]["stop_grace_period"].removesuffix("s")) > 10
    assert SERVICES["bot"]["init"] is True


def test_what_the_daemon_is_told_by_environment_is_what_it_reads() -> None:
    """Every name of the environment stands in the settings, and the URL is that of the service beside it."""
    told = SERVICES["bot"]["environment"]
    source = Path(settings.__file__).read_text()
    assert all(f'"{name}"' in source for name in told)
    url = told["BOT_DATABASE_URL"]
    assert url.startswith("postgresql://bot:")
    assert url.endswith("@postgres:5432/bot")


def test_nothing_secret_stands_in_it_and_nothing_is_open_to_the_world() -> None:
    """Token and password come from the environment and must be set; the database listens on loopback unless
    told."""
    secrets = [
        SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"],
        SERVICES["bot"]["environment"]["HF_TOKEN"],
    ]
    assert all(re.fullmatch(r"\$\{\w+:\?[^}]+\}", secret) for secret in secrets)
    assert not re.search(r"hf_[A-Za-z0-9]{5,}", TEXT)
    assert SERVICES["postgres"]["ports"] == ["${BOT_DB_LISTEN:-127.0.0.1}:5432:5432"]
    assert "ports" not in SERVICES["bot"]
