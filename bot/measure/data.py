"""At which revision the measured data stands, so that new data is never answered by old results."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi

from bot.huggingface import translate_errors


def revision(dataset: str) -> str | None:
    """The commit of a dataset's main branch on the Hub of HF_ENDPOINT; None for a local folder.

    Raises NotFound, HubUnavailable.
    """
    if Path(dataset).is_dir():
        return None
    with translate_errors(f"the dataset {dataset}"):
        sha = HfApi().dataset_info(dataset).sha
    return str(sha)
