"""Facts from a file: JSON as the bot writes it, or YAML as a person does, with file and line of a mistake."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bot.card.facts import Facts
from bot.errors import ConfigError, NotFound
from bot.yaml_lines import Document


def read(path: Path) -> Facts:
    """The facts in `path`. Raises NotFound for a missing file, ConfigError with the place for a wrong one."""
    try:
        data = path.read_bytes()
        data.decode("utf-8")
    except FileNotFoundError:
        raise NotFound(f"{path} is not there: give --facts the path of a file of facts") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as text: {error}") from error
    if data.lstrip().startswith(b"{"):
        return _json(data, path)
    return Document(data, str(path)).to(Facts)


def _json(data: bytes, path: Path) -> Facts:
    try:
        return msgspec.json.decode(data, type=Facts)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}: docs/facts.schema.json says what facts hold") from error
