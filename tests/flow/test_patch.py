"""A tokenizer that changes upstream, from the outside: real quants, tokenizers and runs, also killed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

from bot.hub.faults import Fault
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from tests.flow.conftest import ACCOUNT, BASE, WATCHLIST, Bot, kill, wait_for

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ("mxfp4", "q8-hi")
QUANTS = tuple(f"{ACCOUNT}/Tiny-Qwen3-{recipe}-mlx" for recipe in RECIPES)
TEMPLATE = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + (message.content | trim) + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\nAnswer: ' }}
{%- endif %}
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, seeded: Path) -> Path:
    """A Hub's folder with two quants of the base, published once for all tests here."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copytree(seeded, folder / "hub")
    with LoopbackHub.start(folder / "hub") as hub:
        bot = Bot(folder, hub.endpoint)
        text = WATCHLIST.replace("[qx64-hi]", f"[{', '.join(RECIPES)}]")
        bot.watchlist.write_text(text.replace("[boolq, piqa]", "[boolq]"))
        done = bot("publish", BASE, "--yes")
        assert done.returncode == 0, done.stderr
    return folder / "hub"


@pytest.fixture
def hub(tmp_path: Path, published: Path) -> Iterator[LoopbackHub]:
    shutil.copytree(published, tmp_path / "hub")
    with LoopbackHub.start(tmp_path / "hub") as running:
        yield running


class Publisher:
    """The account, with a bot that nothing is left of but the Hub."""

    def __init__(self, bot: Bot, api: HfApi, store: Store) -> None:
        self.bot, self.api, self.store = bot, api, store
        text = bot.watchlist.read_text()
        bot.watchlist.write_text(text.replace("[qx64-hi]", f"[{', '.join(RECIPES)}]"))
        self.made_of = store.resolve("model", BASE)
        self.heads = {repo: self.commits(repo)[0] for repo in QUANTS}
        self.weights = {repo: self.files(repo) for repo in QUANTS}

    def upstream(self, **files: str) -> str:
        """The base's author commits files (`__` is a dot). Returns the commit."""
        return self.store.commit("model", BASE, {n.replace("__", "."): t.encode() for n, t in files.items()})

    def start(self, kind: str = "tokenizer") -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.flow.patching", kind, BASE, ACCOUNT, self.made_of]
        return subprocess.Popen(
            command,
            env=self.bot.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def patch(self, kind: str = "tokenizer") -> dict[str, Any]:
        """Carry the change out, to its end. Returns what became of each quant, by its repo."""
        process = self.start(kind)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return {each["repo"]: each for each in json.loads(out)["repos"]}

    def told(self) -> list[tuple[str, str]]:
        """What runs told so far: stage and subject."""
        return [(e["progress"]["stage"], e["progress"]["what"]) for e in self.bot.events()]

    def commits(self, repo: str) -> list[str]:
        return [commit.commit_id for commit in self.api.list_repo_commits(repo)]

    def files(self, repo: str) -> dict[str, str]:
        """What identifies the content of each file."""
        tree = self.api.list_repo_tree(repo, recursive=True)
        return {f.path: f.lfs.sha256 if f.lfs else f.blob_id for f in tree if isinstance(f, RepoFile)}

    def read(self, repo: str, path: str) -> str:
        return self.store.read_bytes("model", repo, path).decode()

    def new_files(self, repo: str) -> set[str]:
        before, now = self.weights[repo], self.files(repo)
        return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}


@pytest.fixture
def publisher(bot: Bot, api: HfApi, store: Store) -> Publisher:
    return Publisher(bot, api, store)


def test_a_new_chat_template_reaches_the_quants_and_they_count_as_published(publisher: Publisher) -> None:
    """Public and private, one commit each, the weights as before; `bot publish` then has nothing to do."""
    tokenizer = json.loads(publisher.read(BASE, "tokenizer_config.json"))
    sha = publisher.upstream(
        chat_template__jinja=TEMPLATE,
        tokenizer_config__json=json.dumps(tokenizer | {"model_max_length": 4096}),
    )
    publisher.api.update_repo_settings(QUANTS[0], private=True)

    done = publisher.patch()

    assert {repo: each["status"] for repo, each in done.items()} == dict.fromkeys(QUANTS, "patched")
    for repo in QUANTS:
        assert publisher.commits(repo)[:2] == [done[repo]["commit"], publisher.heads[repo]]
        assert publisher.new_files(repo) == {
            "chat_template.jinja", "tokenizer_config.json", "README.md", "qx_manifest.json",
            "measurements/facts.json",
        }  # fmt: skip
        assert publisher.read(repo, "chat_template.jinja") == TEMPLATE
        manifest = json.loads(publisher.read(repo, "qx_manifest.json"))
        assert (manifest["base_sha"], manifest["weights_sha"]) == (sha, publisher.made_of)
        measured_with = manifest["measurement"]["chat_template_sha256"][:12]
        assert f"with the former chat template (sha256 {measured_with})" in publisher.read(repo, "README.md")
        assert next(other for other in QUANTS if other != repo).split("/")[1] in publisher.read(
            repo, "README.md"
        )
    publisher.api.update_repo_settings(QUANTS[0], private=False)
    outcomes = publisher.bot.json("publish", BASE, "--yes")["result"]["outcomes"]
    assert [outcome["status"] for outcome in outcomes] == ["already", "already"]


def test_killed_between_two_commits_it_goes_on_and_commits_nothing_twice(
    publisher: Publisher, hub: LoopbackHub
) -> None:
    """SIGKILL while the second commit is on its way: the same run ends, with one commit in each repo."""
    config = json.dumps({"do_sample": True, "pad_token_id": 1, "eos_token_id": [0, 1]})
    publisher.upstream(generation_config__json=config)
    hub.arm(Fault(kind="slow", method="POST", path=f"{QUANTS[1]}/commit/", seconds=1.5))
    process = publisher.start("generation_config")
    wait_for(lambda: ("patch", QUANTS[1]) in publisher.told(), 180, "the second quant")
    hub.forget_requests()
    wait_for(lambda: any("/preupload/" in request.path for request in hub.requests()), 60, "its commit")
    kill(process)
    assert publisher.commits(QUANTS[0])[1] == publisher.heads[QUANTS[0]]

    done = publisher.patch("generation_config")

    assert set(done) == set(QUANTS)
    for repo in QUANTS:
        assert publisher.commits(repo)[:2] == [done[repo]["commit"], publisher.heads[repo]]
        assert publisher.read(repo, "generation_config.json") == config
        assert "the former" not in publisher.read(repo, "README.md"), "no prompt is another"
    assert len({event["run"] for event in publisher.bot.events()}) == 1, "the same run went on"


def test_a_mark_that_the_hub_refuses_is_made_by_the_next_run(publisher: Publisher, hub: LoopbackHub) -> None:
    """Storage full, or the token revoked: told of every quant, tried with one; later it goes well, once."""
    publisher.store.delete_repo("model", BASE)
    hub.arm(Fault(kind="error", method="POST", path="/commit/", status=403))

    refused, first = publisher.patch("gone"), publisher.patch("gone")

    assert {repo: each["error_kind"] for repo, each in refused.items()} == dict.fromkeys(QUANTS, "NotAllowed")
    tried = {request.path for request in hub.requests() if request.fault is not None}
    assert len(tried) == 1
    assert {repo: each["status"] for repo, each in first.items()} == dict.fromkeys(QUANTS, "patched")
    for repo in QUANTS:
        assert f"{BASE} is no longer on the Hub" in publisher.read(repo, "README.md")
        assert publisher.new_files(repo) == {"README.md", "qx_manifest.json", "measurements/facts.json"}


def test_a_tokenizer_that_does_not_load_reaches_no_quant(publisher: Publisher) -> None:
    """The base's author is to mend it: the run says so, and nothing is committed."""
    publisher.upstream(tokenizer__json="{")

    process = publisher.start()
    _, err = process.communicate(timeout=120)

    assert process.returncode == 6
    assert "tokenizer cannot be loaded" in err
    assert "Traceback" not in err
    assert {repo: publisher.commits(repo)[0] for repo in QUANTS} == publisher.heads
