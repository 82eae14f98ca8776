"""An account as they stand on the Hub: sixty repos of many hands and years, put straight into the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.adopt.read import Reader
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.journal.database import Journal, journal
from bot.settings import Settings
from tests.flow.conftest import seeded  # noqa: F401  the rehearsal's Hub, for a real publish

ACCOUNT = "veteran"
BASE = "somebody/Small-8B"
FEW = ("Small-8B-q4-mlx", "Small-8B-4bit", "Small-8B-mlx")

CARD = """\
---
library_name: mlx
base_model: {base}
base_model_relation: quantized
tags:
- mlx
---

# {name}

| Model | arc_challenge | boolq | piqa |
|:--|--:|--:|--:|
| {recipe} | 0.453 | 0.825 | 0.716 |
| bf16 | 0.464 | 0.826 | 0.717 |

Perplexity: 12.869 ± 0.126
"""


def config(bits: int | None, group_size: int = 64, mode: str = "", **more: Any) -> bytes:
    found: dict[str, Any] = {"model_type": "qwen3"}
    if bits is not None:
        found["quantization"] = {
            "bits": bits,
            "group_size": group_size,
            **({"mode": mode} if mode else {}),
            **more,
        }
    return json.dumps(found).encode()


def put(store: Store, name: str, files: dict[str, bytes], *, private: bool = False) -> str:
    """One repo of the account with these files. Returns its full name."""
    repo = f"{ACCOUNT}/{name}"
    if not store.exists("model", repo):
        store.create_repo("model", repo, private=private)
    store.commit("model", repo, files)
    return repo


def quant(
    store: Store, name: str, recipe: str, settings: bytes, *, base: str = BASE, private: bool = False
) -> str:
    """An old quant as people publish them: weights of a few bytes, a config, a card with a table."""
    files = {
        "model.safetensors": f"weights of {name}".encode(),
        "config.json": settings,
        "README.md": CARD.format(base=base, name=name, recipe=recipe).encode(),
    }
    return put(store, name, files, private=private)


def populate(store: Store) -> None:
    """Sixty repos: forty plain quants of ten bases, and twenty that are odd in some way."""
    for at in range(10):
        base = f"somebody/Base{at}-4B"
        for recipe, settings in (
            ("qx86-hi", config(6, 32)),
            ("q6-hi", config(6, 32)),
            ("mxfp4", config(4, 32, "mxfp4")),
            ("bf16", config(None)),
        ):
            quant(store, f"Base{at}-4B-{recipe}-mlx", recipe, settings, base=base)
    odd(store)


def odd(store: Store) -> None:
    quant(store, "Small-8B-qx64-hi-mlx", "qx64-hi", config(4, 32))
    quant(store, "Small-8B-q8-hi-mlx", "q8-hi", config(4, 64))  # says 8 bits, holds 4
    quant(store, "Small-8B-4bit", "4bit", config(4))
    quant(store, "Small-8B-dwq-4bit-mlx", "dwq", config(4))
    quant(store, "Small-8B-mlx", "q5", config(5))
    quant(store, "Small-8B-secret-q6-mlx", "q6", config(6), private=True)
    weights = {"model.safetensors": b"weights", "config.json": config(6)}
    put(store, "Small-8B-q6-mlx", weights)  # no card at all: its siblings know the base
    put(store, "Orphan-3B-q6-mlx", weights)  # nobody knows its base
    put(store, "Broken-q4-mlx", {**weights, "config.json": b"{not json"})
    put(store, "Deep-q4-mlx", {**weights, "config.json": b'{"a":' * 60_000 + b"1"})
    put(
        store,
        "Huge-q4-mlx",
        {**weights, "config.json": b'{"quantization": {"bits": 1e999, "group_size": true}}'},
    )
    put(store, "Long-q4-mlx", {**weights, "README.md": CARD.encode() + b"word | 0.5 | word\n" * 120_000})
    put(store, "Noise-q4-mlx", {**weights, "README.md": bytes(range(256)) * 20})
    put(store, "Loop-q4-mlx", {**weights, "README.md": _metadata(f"base_model: {ACCOUNT}/Loop-q4-mlx")})
    put(store, "Evil-q4-mlx", {**weights, "README.md": _metadata("base_model: {a: [1, 2], b: '../../etc'}")})
    put(store, "Many-q4-mlx", {**weights, "README.md": _metadata("base_model: [x/Other, y/Many, z/Third]")})
    put(store, "Copied-q4-mlx", {**weights, "qx_manifest.json": b'{"repo": "someone/else"}'})
    put(store, "Small-8B-GGUF", {"small.gguf": b"GGUF", "README.md": _metadata(f"base_model: {BASE}")})
    put(store, "Small-8B-adapter", {"adapter_model.safetensors": b"weights", "adapter_config.json": b"{}"})
    put(store, "Empty", {})


def _metadata(line: str) -> bytes:
    return f"---\nlibrary_name: mlx\n{line}\n---\n\n# A card\n".encode()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    """A Hub with the sixty."""
    with LoopbackHub.start(tmp_path_factory.mktemp("hub")) as running:
        populate(Store(running.root))
        yield running


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    """A Hub where the account has three quants and something else."""
    store = Store(tmp_path_factory.mktemp("few"))
    for name in FEW:
        quant(store, name, "q4", config(4))
    put(store, "Small-8B-GGUF", {"small.gguf": b"GGUF"})
    with LoopbackHub.start(store.root) as running:
        yield running


@pytest.fixture
def known(tmp_path: Path, few: LoopbackHub) -> Settings:
    return Settings(home=tmp_path / "home", endpoint=few.endpoint)


@pytest.fixture
def ledger(known: Settings) -> Iterator[Journal]:
    with journal(known) as opened:
        yield opened


@pytest.fixture
def reader(known: Settings) -> Reader:
    """The account's owner looks."""
    return Reader(HubDoor(known, token=f"hf_{ACCOUNT}"))
