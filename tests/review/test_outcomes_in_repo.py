"""The outcomes of single questions on their way into a quant's folder and back."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.measure.results import LARGEST_OUTCOMES, decode_outcomes, load_outcomes
from bot.publish import outcomes
from bot.publish.files import describe
from bot.records import Measurement
from tests.review.kept import family, quant_folder


def test_a_quants_and_its_bases_outcomes_lie_in_the_folder(tmp_path: Path) -> None:
    """Each score in the manifest names a file of the folder that gives just that score."""
    base, quant = family(tmp_path / "store")
    folder = tmp_path / "quant"
    kept, of_base = outcomes.keep(folder, tmp_path / "store", quant, base)
    assert of_base is not None
    assert [file.path for file in describe(folder)] == [
        "measurements/base/boolq.outcomes.gz", "measurements/base/piqa.outcomes.gz",
        "measurements/boolq.outcomes.gz", "measurements/piqa.outcomes.gz",
    ]  # fmt: skip
    for score in (*kept.tasks, *of_base.tasks):
        found = load_outcomes(folder / (score.outcomes or ""))
        assert (len(found), sum(one.correct for one in found) / len(found)) == (score.n, score.value)
    assert outcomes.outcomes(kept, outcomes.below(folder)).keys() == {score.outcomes for score in kept.tasks}


def test_kept_again_the_folder_is_the_same_and_nothing_old_is_left(tmp_path: Path) -> None:
    """The same outcomes give the same bytes; what another measurement left goes."""
    base, quant = family(tmp_path / "store")
    folder = tmp_path / "quant"
    outcomes.keep(folder, tmp_path / "store", quant, base)
    before = describe(folder)
    (folder / "measurements" / "old.outcomes.gz").write_bytes(b"old")
    outcomes.keep(folder, tmp_path / "store", quant, base)
    assert describe(folder) == before
    outcomes.keep(folder, tmp_path / "store", quant, None)
    assert [file.path for file in describe(folder)] == [f.path for f in before if "/base/" not in f.path]


def test_what_the_store_lacks_is_named_by_no_score(tmp_path: Path) -> None:
    """Outcomes that are gone leave the score, without a file of that name."""
    _, quant = family(tmp_path / "store")
    (tmp_path / "store" / (quant.tasks[0].outcomes or "")).unlink()
    kept, _ = outcomes.keep(tmp_path / "quant", tmp_path / "store", quant, None)
    assert [score.outcomes for score in kept.tasks] == [None, "measurements/piqa.outcomes.gz"]
    assert [score.value for score in kept.tasks] == [score.value for score in quant.tasks]


def test_every_task_has_a_file_of_its_own(tmp_path: Path) -> None:
    """With and without the chat template, and tasks whose names are no file names, keep apart."""
    _, quant = family(tmp_path / "store")
    a, b = quant.tasks
    named = replace(
        quant,
        tasks=(replace(a, task="x/y"), replace(b, task="x_y")),
        tasks_without_template=(replace(b, task="x_y"),),
    )
    kept, _ = outcomes.keep(tmp_path / "quant", tmp_path / "store", named, None)
    names = [score.outcomes for score in (*kept.tasks, *kept.tasks_without_template)]
    assert len(set(names)) == 3
    assert all(name and name.count("/") == 1 and (tmp_path / "quant" / name).is_file() for name in names)


@pytest.mark.parametrize("name", ["../secret.gz", "/etc/passwd", "a\\..\\b", "measurements/../../secret.gz"])
def test_a_manifest_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    """File names of a stranger's manifest that leave the folder are not followed."""

    def read(path: str) -> bytes:
        raise AssertionError(f"{path} was read")

    assert outcomes.outcomes(_naming(tmp_path, name), read) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no gzip",
        gzip.compress(b"no json\n", mtime=0),
        gzip.compress(b'{"question": 1}\n', mtime=0),
        gzip.compress(b"{}", mtime=0)[:-4],
    ],
)
def test_what_is_no_file_of_outcomes_is_left_out(tmp_path: Path, data: bytes) -> None:
    """A broken file leaves the scores to the unpaired test; nothing fails."""
    measurement = _naming(tmp_path, "measurements/boolq.outcomes.gz")
    found = outcomes.outcomes(measurement, lambda _: data)
    assert not any(found.values())


def test_a_file_that_unpacks_to_too_much_is_refused() -> None:
    """A gzip bomb is not unpacked into memory."""
    with pytest.raises(ValueError, match="unpacks to more"):
        decode_outcomes(gzip.compress(b"\n" * (LARGEST_OUTCOMES + 1), compresslevel=1))


def test_the_folder_reads_back_as_the_manifest_says(tmp_path: Path) -> None:
    """A whole quant's folder: what the manifest names is there."""
    base, quant = family(tmp_path / "store")
    folder = quant_folder(tmp_path / "q", tmp_path / "store", base, quant)
    assert (folder / "qx_manifest.json").is_file()
    assert (folder / "measurements" / "base" / "boolq.outcomes.gz").is_file()


def _naming(tmp_path: Path, name: str) -> Measurement:
    _, quant = family(tmp_path / "store")
    return replace(quant, tasks=(replace(quant.tasks[0], outcomes=name),))
