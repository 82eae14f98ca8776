"""The Dockerfile keeps its promises as text; no container engine builds it here.

When it changes, its RUN lines are run by hand and a linter (hadolint) reads it.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser  # type: ignore[import-untyped]

from bot.blas import LIBRARY
from bot.cli import app

ROOT = Path(__file__).parents[1]
SECRETS = re.compile(r"\bhf_[A-Za-z0-9]{5,}|(?i:token|password|secret)\w*\s*=")


def instructions() -> list[tuple[str, str]]:
    """(instruction, value) in order, comments left out."""
    parser = DockerfileParser(path=str(ROOT), cache_content=True)
    return [(s["instruction"], s["value"]) for s in parser.structure if s["instruction"] != "COMMENT"]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(place for place, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def value(name: str) -> str:
    """The one value of an instruction in the image's own stage."""
    (found,) = [text for instruction, text in last_stage() if instruction == name]
    return found


def test_the_image_runs_the_daemon_and_takes_other_commands() -> None:
    """`docker run qx-bot` is `bot run`, with `status` behind it `bot status`; both are commands of bot."""
    assert json.loads(value("ENTRYPOINT")) == ["bot"]
    default = json.loads(value("CMD"))
    check = json.loads(value("HEALTHCHECK").split("CMD", 1)[1])
    assert default == ["run"]
    assert check[0] == "bot"
    known = {command.name for command in app.registered_commands}
    assert {default[0], check[1]} <= known


def test_the_image_has_what_the_bot_needs_on_linux() -> None:
    """The Python the package asks for, OpenBLAS by the library's own name, and git."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert {text.split()[0] for name, text in instructions() if name == "FROM"} == {"python:3.11-slim"}
    assert wanted.startswith(">=3.11")
    (apt,) = [text for name, text in last_stage() if name == "RUN" and "apt-get install" in text]
    packages = apt.split("apt-get install", 1)[1].split("&&")[0].split()
    assert {"git", "libopenblas0-pthread"} <= set(packages)
    assert LIBRARY.split(".")[0] == "libopenblas", "the package above provides this library"
    assert "rm -rf /var/lib/apt/lists/*" in apt


def test_the_daemon_is_no_root_and_keeps_everything_in_the_volume() -> None:
    """Caches, database and watchlist lie in the volume, which the user that runs may write."""
    stage = last_stage()
    volume = value("VOLUME")
    assert value("USER") == "1000"
    assert value("WORKDIR") == volume
    environment = dict(part.split("=", 1) for part in value("ENV").split())
    assert all(path.startswith(volume) for path in environment.values())
    assert {"BOT_HOME", "HF_HOME"} <= set(environment)
    run = " ".join(text for name, text in stage if name == "RUN")
    assert "--uid 1000" in run
    assert f"--owner=bot --group=bot {volume}" in run
    names = [name for name, _ in stage]
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")


def test_the_package_is_installed_as_a_wheel_without_the_development_group() -> None:
    """The image holds what `pip install qx-bot` brings: no tests, no linters, no sources beside it."""
    installs = [text for name, text in instructions() if name == "RUN" and "pip" in text]
    assert [("pip wheel" in text, "pip install" in text) for text in installs] == [
        (True, False),
        (False, True),
    ]
    assert not any("--group" in text for text in installs if "pip" in text)
    assert not [text for name, text in last_stage() if name in ("COPY", "ADD")]


def test_the_context_is_what_the_wheel_is_built_from_and_nothing_else() -> None:
    """.dockerignore leaves everything out, then takes back exactly what hatchling reads."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    taken = {line[1:] for line in lines if line.startswith("!")}
    assert lines[0] == "*"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    assert taken == needed | set(wheel["packages"]) | set(wheel["force-include"])
    assert all((ROOT / path).exists() for path in taken)


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore"])
def test_nothing_secret_stands_in_it(name: str) -> None:
    """Tokens come by the environment of `docker run`, never by the image."""
    assert not SECRETS.search((ROOT / name).read_text())
    assert not [text for instruction, text in instructions() if instruction == "ARG"]
