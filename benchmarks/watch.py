"""What it costs to watch thousands of repos: requests and seconds of a sweep, against the usual way.

    uv run python benchmarks/watch.py [--authors 500] [--repos 20] [--changed 0.01] [--deliveries 20]

A loopback Hub holds `authors` x `repos` models (14 files each, their weights named but not stored). The bot
sweeps them for the first time, after a restart with nothing changed, with a share of them changed, and as it
does once a night; the usual way asks for every repo by `model_info`. Requests are counted by the Hub. Then
commits are made through the Hub's API and told by its webhook: seconds to the change, from the delivery's
arrival and from the commit's begin. Prints Markdown tables. Hub and bot share the machine; over a network
every request costs a round trip more.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import msgspec
import uvicorn
from huggingface_hub import HfApi
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from bot.hub import history
from bot.hub.history import FileEntry
from bot.hub.process import LoopbackHub
from bot.hub.reading import MAIN, Refs, RepoSettings
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.journal.database import open_journal
from bot.settings import Settings
from bot.watch.found import SweepResult
from bot.watch.sweep import dealt_with, look_at, nightly, sweep
from bot.watch.watchlist import Watchlist, of_document
from bot.watch.webhook import routes
from bot.yaml_lines import Document

SECRET = "benchmark"
SMALL = {
    ".gitattributes": history.default_attributes("model"),
    "README.md": b"---\nlicense: apache-2.0\nlanguage: [en]\n---\n# A base\n",
    "LICENSE": b"Apache License\n" * 100,
    "config.json": b'{"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}',
    "generation_config.json": b'{"temperature": 0.7}',
    "tokenizer.json": b'{"model": {}}',
    "tokenizer_config.json": b'{"eos_token": "<|im_end|>"}',
    "model.safetensors.index.json": b'{"weight_map": {}}',
    "merges.txt": b"a b\n",
    "vocab.json": b'{"a": 0}',
}
SHARDS, SHARD_BYTES = 4, 4_000_000_000


class Bench:
    """The Hub, who watches it, and how often it was asked."""

    def __init__(self, hub: LoopbackHub, folder: Path, authors: int, repos: int) -> None:
        self.hub, self.store = hub, Store(hub.root)
        self.authors = [f"author-{n:03}" for n in range(authors)]
        self.repos = [f"{author}/model-{n:02}" for author in self.authors for n in range(repos)]
        self.settings = Settings(home=folder, endpoint=hub.endpoint)
        self.door = HubDoor(self.settings, token="hf_bot")
        self.journal = open_journal(self.settings)
        self.now = datetime.now(UTC) + timedelta(days=1)

    def watchlist(self) -> Watchlist:
        entries = "\n".join(f"  - {{author: {author}, since: 2020-01-01}}" for author in self.authors)
        return of_document(
            Document(f"recipes: [q8]\nmin_age: 0s\nauthors:\n{entries}\n".encode(), "watchlist.yaml")
        )

    def restart(self) -> None:
        self.journal.close()
        self.journal = open_journal(self.settings)

    def counted(self, what: Callable[[], object]) -> tuple[int, float]:
        """Requests that the Hub counted, and seconds."""
        self.hub.forget_requests()
        start = time.perf_counter()
        what()
        return len(self.hub.requests()), time.perf_counter() - start


def fill(store: Store, repos: list[str]) -> None:
    """Repos straight onto the disk: one commit each, whose shards are named and not stored."""
    entries = {path: history.regular_entry(body, store.objects.put(body)) for path, body in SMALL.items()}
    for number, repo in enumerate(repos):
        date = (datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=number)).isoformat(
            timespec="milliseconds"
        )
        date = date.replace("+00:00", "Z")
        commit = history.make_commit(None, entries | shards(number), "upload", "", repo.split("/")[0], date)
        folder = store.folder("model", repo)
        (folder / "commits").mkdir(parents=True)
        for path, record in (
            (folder / "commits" / f"{commit.id}.json", commit),
            (folder / "refs.json", Refs(branches={MAIN: commit.id})),
            (folder / "repo.json", RepoSettings(id=repo, kind="model", created_at=date)),
        ):
            path.write_bytes(msgspec.json.encode(record))


def shards(number: int) -> dict[str, FileEntry]:
    return {
        f"model-{n:05}-of-{SHARDS:05}.safetensors": history.lfs_entry(
            f"{number * SHARDS + n:064x}", SHARD_BYTES
        )
        for n in range(1, SHARDS + 1)
    }


def sweeps(bench: Bench, share: float) -> list[tuple[str, int, int, float]]:
    """Name, changes found, requests, seconds of each kind of sweep, and of the usual way."""
    watchlist, found = bench.watchlist(), []

    def one(name: str, look: Callable[..., SweepResult]) -> SweepResult:
        results: list[SweepResult] = []
        asked, seconds = bench.counted(
            lambda: results.append(look(watchlist, bench.door, bench.journal, bench.now))
        )
        [result] = results
        assert not result.errors, result.errors[:3]
        found.append((name, len(result.changes), asked, seconds))
        return result

    def take_up(result: SweepResult) -> None:
        for change in result.changes:
            dealt_with(bench.journal, change, result.revisions[change.repo])
        bench.restart()

    take_up(one("first", sweep))
    one("quiet, after a restart", sweep)
    changed = random.Random(7).sample(bench.repos, round(len(bench.repos) * share))
    for repo in changed:
        bench.store.commit("model", repo, {"tokenizer.json": b'{"model": {"changed": true}}'})
    result = one(f"{share:.0%} changed", sweep)
    assert {change.repo for change in result.changes} == set(changed)
    take_up(result)
    one("at night, every listing whole", nightly)
    asked, seconds = bench.counted(lambda: [bench.door.info(repo) for repo in bench.repos])
    found.append(("the usual way: `model_info` for each repo, every time", len(changed), asked, seconds))
    return found


def webhook(bench: Bench, times: int) -> tuple[list[float], list[float]]:
    """Seconds to the change by the Hub's webhook: from the delivery's arrival, and from before the commit."""
    watchlist, found, arrivals, changes = bench.watchlist(), threading.Event(), list[float](), list[float]()

    def on_repo(repo: str) -> None:
        if look_at(watchlist, bench.door, bench.journal, repo, bench.now).changes:
            changes.append(time.perf_counter())
            found.set()

    listener = socket.create_server(("127.0.0.1", 0))
    hook = Starlette(routes=routes(bench.journal, SECRET, on_repo))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            arrivals.append(time.perf_counter())
        await hook(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
    author = bench.authors[0]
    api = HfApi(endpoint=bench.hub.endpoint, token=f"hf_{author}")
    api.create_webhook(
        url=f"http://127.0.0.1:{listener.getsockname()[1]}/webhook",
        watched=[{"type": "user", "name": author}],
        domains=["repo"],
        secret=SECRET,
    )
    commits = []
    for number in range(times):
        found.clear()
        commits.append(time.perf_counter())
        api.upload_file(
            path_or_fileobj=f"[{number}]".encode(),
            path_in_repo="tokenizer.json",
            repo_id=f"{author}/model-00",
        )
        if not found.wait(30):
            raise SystemExit("the webhook did not arrive")
    server.should_exit = True
    return _between(arrivals, changes), _between(commits, changes)


def _between(starts: list[float], ends: list[float]) -> list[float]:
    return [end - start for start, end in zip(starts, ends, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--authors", type=int, default=500)
    parser.add_argument("--repos", type=int, default=20)
    parser.add_argument("--changed", type=float, default=0.01)
    parser.add_argument("--deliveries", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "hub"
        names = [f"author-{a:03}/model-{n:02}" for a in range(options.authors) for n in range(options.repos)]
        root.mkdir()
        fill(Store(root), names)
        with LoopbackHub.start(root) as hub:
            bench = Bench(hub, Path(folder) / "home", options.authors, options.repos)
            assert bench.repos == names
            print(f"{len(names):,} repos of {options.authors} authors\n")
            rows = sweeps(bench, options.changed)
            print("| sweep | changes | requests | seconds |\n|:--|--:|--:|--:|")
            for name, changes, asked, seconds in rows:
                print(f"| {name} | {changes:,} | {asked:,} | {seconds:.1f} |")
            from_arrival, from_commit = webhook(bench, options.deliveries)
            size = sum(path.stat().st_size for path in bench.settings.state.glob("bot.sqlite*")) / 1e6
            print(f"\nThe journal has {size:.0f} MB.")
            print("\n| webhook to change, seconds | median | worst |\n|:--|--:|--:|")
            for name, waits in (("its arrival", from_arrival), ("the commit's begin", from_commit)):
                print(f"| from {name} | {statistics.median(waits):.3f} | {max(waits):.3f} |")
            bench.journal.close()


if __name__ == "__main__":
    main()
