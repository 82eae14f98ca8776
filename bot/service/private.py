"""A file that its owner alone can read, from its first byte on."""

from __future__ import annotations

import os
from pathlib import Path

from bot.errors import HostError

MODE = 0o600


def write(path: Path, content: bytes) -> None:
    """Put the file there in one piece, instead of a former one. Raises HostError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as file:
            file.write(content)
        draft.replace(path)
    except OSError as error:
        raise HostError(f"{path} cannot be written ({error.strerror}): mend the folder's rights") from None
