"""Bring one revision into the cache with the real client, then believe nothing until it is verified."""

from __future__ import annotations

import glob
import shutil
import threading
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.file_download import repo_folder_name

from bot import settings
from bot.child import Progress, Report
from bot.errors import HostError, HubUnavailable, VerificationFailed
from bot.fetch import FetchRequest
from bot.fetch.select import INDEX, side_files, weight_files
from bot.fetch.verify import matches, refuse_broken, remove
from bot.hub_errors import patiently
from bot.records import RepoFile, Snapshot

SPARE = 1 << 30
"""Bytes of disk left free beside what is fetched."""


class _Cache:
    """One base revision in a cache folder of huggingface_hub's layout (blobs, and links to them)."""

    def __init__(self, request: FetchRequest, report: Report) -> None:
        self.base, self.endpoint, self.report = request.base, request.endpoint, report
        self.folder = Path(request.folder).expanduser().resolve()
        self.repo = self.folder / repo_folder_name(repo_id=request.base.repo, repo_type="model")
        self.root = self.repo / "snapshots" / request.base.sha

    def bring(self, files: tuple[RepoFile, ...], what: str) -> None:
        """Download (or go on downloading) these files, and verify each; a wrong one is fetched once more.

        Raises HostError (disk), VerificationFailed, and what the Hub's errors translate to.
        """
        self._check_disk(files)
        wrong = files
        for _ in range(2):
            if wrong:
                self._download(wrong, what)
                wrong = self._wrong(wrong)
            for file in wrong:
                remove(self.root, self.folder, file)
        if wrong:
            raise VerificationFailed(
                f"{self.base.repo}: {wrong[0].path} does not have the hash the Hub states, twice: "
                "the Hub or the way to it corrupts files, try again later"
            )

    def _check_disk(self, files: tuple[RepoFile, ...]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = sum(f.size for f in files if not (self.root / f.path).is_file())
        free = shutil.disk_usage(self.folder).free
        needed = max(0, missing - self._arrived(partial_only=True))
        if needed and needed + SPARE > free:
            raise HostError(
                f"fetching {self.base.repo} needs {(needed + SPARE) / 1e9:.1f} GB and "
                f"{free / 1e9:.1f} GB are free in {self.folder}: free some space or move BOT_HOME"
            )

    def _download(self, files: tuple[RepoFile, ...], what: str) -> None:
        done = threading.Event()
        total = sum(file.size for file in files)
        watcher = threading.Thread(target=self._watch, args=(done, what, total), daemon=True)
        watcher.start()
        try:
            patiently(lambda: self._snapshot(files), self.base.repo, attempts=5)
        finally:
            done.set()
            watcher.join()

    def _snapshot(self, files: tuple[RepoFile, ...]) -> None:
        try:
            snapshot_download(
                self.base.repo,
                revision=self.base.sha,
                cache_dir=self.folder,
                endpoint=self.endpoint,
                token=settings.token() or False,
                allow_patterns=[glob.escape(file.path) for file in files],
                max_workers=4,
            )
        except LocalEntryNotFoundError as error:  # the client's "and nothing is cached" hides what happened
            raise error.__cause__ or error from None
        except OSError as error:
            if error.errno is None and "onsistency" in str(error):  # the client's own check of sizes
                raise HubUnavailable(f"the Hub sent {self.base.repo} incompletely: run it again") from error
            raise

    def _watch(self, done: threading.Event, what: str, total: int) -> None:
        before = self._arrived()
        while not done.wait(1.0):
            arrived = min(total, max(0, self._arrived() - before))
            self.report(Progress(stage="fetch", what=what, done=arrived, total=total, unit="bytes"))

    def _arrived(self, *, partial_only: bool = False) -> int:
        """Bytes in the cache's blobs, whole or partial."""
        pattern = "*.incomplete" if partial_only else "*"
        sizes = 0
        for path in (self.repo / "blobs").glob(pattern):
            try:
                sizes += path.stat().st_size
            except FileNotFoundError:  # finished and renamed meanwhile
                continue
        return sizes

    def _wrong(self, files: tuple[RepoFile, ...]) -> tuple[RepoFile, ...]:
        total, checked = sum(file.size for file in files), 0

        def count(size: int) -> None:
            nonlocal checked
            checked += size
            self.report(Progress(stage="fetch", what="verify", done=checked, total=total, unit="bytes"))

        return tuple(file for file in files if not matches(self.root, self.folder, file, count))


def fetch(request: FetchRequest, report: Report) -> Snapshot:
    """The base at exactly `request.base.sha` on disk, small files first (they can refuse the rest).

    Raises UnsuitableBase, VerificationFailed, HostError, and what the Hub's errors translate to.
    """
    base, cache = request.base, _Cache(request, report)
    beside = side_files(base.repo, base.files)
    indexed = INDEX in {file.path for file in beside}
    if not indexed:
        weights = weight_files(base.repo, base.files, None)
    cache.bring(beside, "configuration")
    if indexed:
        weights = weight_files(base.repo, base.files, (cache.root / INDEX).read_text("utf-8", "replace"))
    cache.bring(weights, "weights")
    refuse_broken(base.repo, cache.root, weights)
    return Snapshot(repo=base.repo, sha=base.sha, path=str(cache.root), files=(*beside, *weights))
