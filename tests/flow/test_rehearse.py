"""`bot rehearse`: the whole job on this machine, and what it leaves behind for strangers."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from bot.hub.process import LoopbackHub

SECRET = "hf_arealtokenthatmustneverleak"


def tree_of(folder: Path) -> dict[str, str]:
    """Every file with its sha256."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def a_real_cache(home: Path) -> Path:
    """A cache as a publisher has one: a token, a model, and datasets under the ids the tasks ask for."""
    cache = home / ".cache" / "huggingface"
    plants = {
        "token": SECRET,
        "hub/models--rehearsal-bases--Tiny-Qwen3/refs/main": "0" * 40,
        "hub/datasets--allenai--ai2_arc/refs/main": "1" * 40,
        "hub/datasets--allenai--ai2_arc/snapshots/" + "1" * 40 + "/README.md": "poison",
        "datasets/allenai___ai2_arc/ARC-Easy/0.0.0/" + "1" * 40 + "/dataset_info.json": "{}",
    }
    for path, text in plants.items():
        (cache / path).parent.mkdir(parents=True, exist_ok=True)
        (cache / path).write_text(text)
    return cache


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One rehearsal of one base, under a HOME with a real-looking cache, its output and its Hub kept."""
    folder = tmp_path_factory.mktemp("rehearsal")
    cache = a_real_cache(folder / "home")
    before = tree_of(cache)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "BOT_"))}
    environment |= {
        "HOME": str(folder / "home"),
        "HF_TOKEN": SECRET,
        "HF_DATASETS_CACHE": str(cache / "datasets"),
        "TMPDIR": str(folder),
    }
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bot", "rehearse", "--only", "Tiny-Qwen3"),
            *("--keep", str(folder / "kept"), "--json", str(folder / "result.json")),
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return {
        "folder": folder,
        "cache": cache,
        "before": before,
        "out": done.stdout,
        "err": done.stderr,
        "result": json.loads((folder / "result.json").read_text()),
    }


def test_every_recipe_is_public_with_seven_measured_tasks(rehearsed: dict[str, Any]) -> None:
    """A rehearsal publishes every recipe of the base, measured on all seven tasks, and says so in a table."""
    outcomes = rehearsed["result"]["families"][0]["outcomes"]

    assert len(outcomes) >= 4
    for outcome in outcomes:
        assert outcome["status"] == "published", outcome
        assert len(outcome["measurement"]["tasks"]) == 7
        assert outcome["repo"].split("/")[1] in rehearsed["out"].replace("\n", "")
    assert "bot hub serve --root" in rehearsed["out"]


def test_it_changes_nothing_in_a_real_cache_and_takes_nothing_from_it(rehearsed: dict[str, Any]) -> None:
    """The publisher's own caches and token are neither written, nor read, nor spread."""
    assert tree_of(rehearsed["cache"]) == rehearsed["before"]
    assert SECRET not in rehearsed["out"] + rehearsed["err"]
    kept = rehearsed["folder"] / "kept"
    leaks = [path for path in kept.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert leaks == []
    revisions = rehearsed["result"]["families"][0]["base_measurement"]["dataset_revisions"]
    assert revisions
    assert "1" * 40 not in revisions.values()


def test_two_and_three_bits_cost_quality_that_eight_do_not(rehearsed: dict[str, Any]) -> None:
    """The rehearsal bases are real enough that perplexity grows as the bits shrink."""
    outcomes = rehearsed["result"]["families"][0]["outcomes"]
    perplexity = {o["recipe"]: o["measurement"]["perplexity"]["value"] for o in outcomes}

    assert perplexity["qx63-hi"] > perplexity["qx86-hi"]


def test_a_stranger_reads_lists_downloads_loads_and_generates(rehearsed: dict[str, Any]) -> None:
    """On what --keep left, the unmodified clients work through HF_ENDPOINT and nothing of ours."""
    script = """
import sys
from huggingface_hub import HfApi, ModelCard
from mlx_lm import load, generate
api = HfApi()
models = [m.id for m in api.list_models(author="rehearsal")]
card = ModelCard.load(models[0])
assert card.data.base_model == "rehearsal-bases/Tiny-Qwen3", card.data.base_model
model, tokenizer = load(models[0])
prompt = tokenizer.apply_chat_template([{"role": "user", "content": "hello"}], add_generation_prompt=True)
print(len(models), repr(generate(model, tokenizer, prompt=prompt, max_tokens=40)))
"""
    with LoopbackHub.start(rehearsed["folder"] / "kept") as hub:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "BOT_"))}
        environment |= {
            "HF_ENDPOINT": hub.endpoint,
            "HF_HOME": str(rehearsed["folder"] / "stranger"),
            "HF_HUB_DISABLE_XET": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 0, done.stderr
    assert re.match(r"[45] '.+'", done.stdout), done.stdout


def test_the_cards_snippet_runs_as_printed(rehearsed: dict[str, Any]) -> None:
    """The Python lines on a card are copied out and run."""
    with LoopbackHub.start(rehearsed["folder"] / "kept") as hub:
        api = HfApi(endpoint=hub.endpoint, token=False)
        repo = next(m.id for m in api.list_models(author="rehearsal"))
        card = Path(api.hf_hub_download(repo, "README.md")).read_text()
        snippet = re.findall(r"```python\n(.*?)```", card, re.DOTALL)[0]
        assert repo in snippet
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "BOT_"))}
        environment |= {
            "HF_ENDPOINT": hub.endpoint,
            "HF_HOME": str(rehearsed["folder"] / "reader"),
            "HF_HUB_DISABLE_XET": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", snippet], env=environment, capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 0, done.stderr


def test_a_rehearsal_cannot_reach_another_machine() -> None:
    """Told to keep to loopback, a process refuses every address and name off this machine."""
    script = """
import sys
from bot import loopback
loopback.keep_to_loopback()
sys.audit("socket.connect", None, ("127.0.0.1", 80))
for event in (("socket.connect", None, ("192.0.2.1", 443)), ("socket.getaddrinfo", "example.org", 443)):
    try:
        sys.audit(*event)  # as every connection and every look-up of a name does, whoever makes it
    except loopback.NotAllowed:
        continue
    raise SystemExit("it would have got out")
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
