"""Facts from a file that a person may have written: JSON, or YAML of the same shape."""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml

from bot.card.facts import Facts
from bot.errors import ConfigError, NotFound

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same loader in C, some ten times faster, where PyYAML was built with it."""


def read(path: Path) -> Facts:
    """The facts in `path`. Raises NotFound for a missing file, ConfigError with the place for a wrong one."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"{path} is not there: give --facts the path of a file of facts") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as text: {error}") from error
    try:
        return msgspec.convert(yaml.load(text, _LOADER), Facts)  # noqa: S506 (safe, see _LOADER); JSON is YAML
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: {error.problem or 'not valid YAML'}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}: docs/facts.schema.json says what facts hold") from error
