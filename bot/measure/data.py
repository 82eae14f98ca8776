"""The measured data: at which revision it stands, and what it means when it does not come."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from datasets.exceptions import DatasetNotFoundError, DatasetsError
from huggingface_hub import HfApi

from bot.errors import HubUnavailable, NotFound
from bot.hub_errors import translate_errors


def revision(dataset: str) -> str | None:
    """The commit of a dataset's main branch on the Hub of HF_ENDPOINT; None for a local folder.

    Results are kept under it, so that new data is never answered by old results.
    Raises NotFound, HubUnavailable.
    """
    if Path(dataset).is_dir():
        return None
    with translate_errors(f"the dataset {dataset}"):
        sha = HfApi().dataset_info(dataset).sha
    return str(sha)


@contextlib.contextmanager
def loading(what: str) -> Iterator[None]:
    """Translate what `datasets` raises inside the block, which loads `what`, into BotErrors."""
    with translate_errors(what):
        try:
            yield
        except DatasetNotFoundError as error:
            raise NotFound(f"{what} is not on the Hub, or is gated for this token") from error
        except (DatasetsError, ConnectionError) as error:
            raise HubUnavailable(f"{what} did not come whole: run it again later") from error
