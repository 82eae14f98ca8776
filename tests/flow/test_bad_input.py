"""Whatever is wrong: one clear sentence, an exit code by its class, nothing public, nothing lost."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from bot.errors import HostError
from bot.hub.faults import Fault
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.plan.make import check_disk
from bot.records import BaseRevision, Plan
from bot.rehearsal.bases import base_files
from bot.settings import Settings
from tests.flow.conftest import ACCOUNT, BASE, Bot

STRANGE = "strangers/Odd-Model"
Files = dict[str, bytes]


def good_files() -> Files:
    return {path: file.read_bytes() for path, file in base_files("Tiny-Qwen3").items()}


def without_license(files: Files) -> Files:
    readme = files["README.md"].decode()
    lines = [line for line in readme.splitlines() if not line.startswith("license")]
    return files | {"README.md": "\n".join(lines).encode()}


def with_config(**changes: object) -> Callable[[Files], Files]:
    def change(files: Files) -> Files:
        return files | {"config.json": json.dumps(json.loads(files["config.json"]) | changes).encode()}

    return change


def truncated(files: Files) -> Files:
    return files | {"model.safetensors": files["model.safetensors"][:-1000]}


def lying_header(files: Files) -> Files:
    return files | {"model.safetensors": struct.pack("<Q", 1 << 60) + files["model.safetensors"][8:]}


def pickle_only(files: Files) -> Files:
    return {k: v for k, v in files.items() if not k.endswith(".safetensors")} | {
        "pytorch_model.bin": b"\x80\x04"
    }


def no_config(files: Files) -> Files:
    return {k: v for k, v in files.items() if k != "config.json"}


BAD_BASES: list[tuple[str, Callable[[Files], Files], int, str]] = [
    ("no license", without_license, 5, "--accept no-license"),
    ("unsupported architecture", with_config(model_type="perceiver"), 6, "perceiver"),
    ("asks for remote code", with_config(model_file="modeling.py"), 6, "code"),
    ("truncated weights", truncated, 6, "model.safetensors"),
    ("lying header", lying_header, 6, "model.safetensors"),
    ("pickle only", pickle_only, 6, "pickle"),
    ("no config", no_config, 6, "config.json"),
]


def assert_one_sentence(error: str) -> None:
    """What a person reads: one line from the bot, no traceback, no token."""
    lines = [line for line in error.splitlines() if line.startswith("bot: ")]
    assert len(lines) == 1, error
    assert "Traceback" not in error
    assert f"hf_{ACCOUNT}" not in error


@pytest.mark.parametrize(("name", "spoil", "code", "says"), BAD_BASES, ids=[row[0] for row in BAD_BASES])
def test_a_bad_base_is_refused_with_a_reason(
    bot: Bot,
    store: Store,
    api: HfApi,
    name: str,
    spoil: Callable[[Files], Files],
    code: int,
    says: str,
) -> None:
    """Each kind of unusable base ends with its own exit code and sentence, and nothing is created."""
    store.create_repo("model", STRANGE)
    store.commit("model", STRANGE, spoil(good_files()))

    done = bot("publish", STRANGE, "--yes")

    assert done.returncode == code, done.stderr
    assert_one_sentence(done.stderr)
    assert says in done.stderr
    assert list(api.list_models(author=ACCOUNT)) == []


def test_a_gated_base_waits_for_a_person(bot: Bot, store: Store, api: HfApi) -> None:
    """A gated base is not made until somebody says that its terms allow it."""
    store.set_gated("model", BASE, "manual")

    done = bot("publish", BASE, "--yes")

    assert done.returncode == 5
    assert_one_sentence(done.stderr)
    assert "gated" in done.stderr
    assert list(api.list_models(author=ACCOUNT)) == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["publish", "nobody/Nothing", "--yes"], 4, "nobody/Nothing"),
        (["publish", "../../etc/passwd", "--yes"], 2, "owner/name"),
        (["publish", "no-slash", "--yes"], 2, "owner/name"),
        (["publish", BASE, "--revision", "0" * 40, "--yes"], 4, "revision"),
        (["publish", BASE, "--recipe", "qx68-hi", "--yes"], 2, "qx68-hi"),
        (["publish", BASE, "--account", "somebody-else", "--yes"], 7, "somebody-else"),
        (["release", f"{ACCOUNT}/Nothing"], 4, "Nothing"),
        (["unpublish", f"{ACCOUNT}/Nothing"], 4, "Nothing"),
        (["retry", "publish:nothing"], 4, "bot"),
    ],
)  # fmt: skip
def test_a_wrong_word_on_the_command_line(bot: Bot, arguments: list[str], code: int, says: str) -> None:
    """Names that do not exist or cannot be are said, with the class of the mistake."""
    done = bot(*arguments)

    assert done.returncode == code, done.stderr
    assert_one_sentence(done.stderr)
    assert says in done.stderr


@pytest.mark.parametrize(("token", "says"), [("", "HF_TOKEN"), ("hf_", "token"), ("nonsense", "token")])
def test_without_a_valid_token_nothing_starts(bot: Bot, token: str, says: str) -> None:
    """No token and a wrong token are told apart from a repo that is missing."""
    done = bot("publish", BASE, "--yes", HF_TOKEN=token)

    assert done.returncode == 7, done.stderr
    assert_one_sentence(done.stderr)
    assert says in done.stderr
    assert bot.stages() == []


def test_a_hub_that_is_down_is_said_and_retried_later(bot: Bot, hub: LoopbackHub) -> None:
    """No Hub, no publish: the sentence names the Hub, the exit code its class."""
    hub.kill()

    done = bot("publish", BASE, "--yes")

    assert done.returncode == 8, done.stderr
    assert_one_sentence(done.stderr)
    assert "Hub" in done.stderr


def test_a_rate_limit_is_waited_out_as_told(bot: Bot, hub: LoopbackHub, reader: HfApi) -> None:
    """429 in the middle of an upload costs the seconds the Hub names, nothing else."""
    hub.arm(Fault(kind="rate_limit", method="POST", path="/commit/", seconds=2, times=2))

    bot.json("publish", BASE, "--yes")

    assert reader.repo_exists(f"{ACCOUNT}/Tiny-Qwen3-qx64-hi-mlx")


def test_a_bit_flipped_on_the_way_up_never_becomes_public(
    bot: Bot, hub: LoopbackHub, api: HfApi, reader: HfApi
) -> None:
    """What the Hub holds is compared with what was made; a difference stays private, a retry mends it."""
    hub.arm(Fault(kind="flip", side="request", path="/commit/", file="README.md", at=400))
    repo = f"{ACCOUNT}/Tiny-Qwen3-qx64-hi-mlx"

    done = bot("publish", BASE, "--yes")

    assert done.returncode == 10, done.stderr
    assert_one_sentence(done.stderr)
    assert "README.md" in done.stderr
    assert api.model_info(repo).private
    assert not reader.repo_exists(repo)
    assert bot("publish", BASE, "--yes").returncode == 0
    assert reader.repo_exists(repo)


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path) -> None:
    """A plan that cannot fit on the disk is refused with the numbers, before the first byte is fetched."""
    plan = Plan(
        base=BaseRevision(repo=BASE, sha="0" * 40),
        account=ACCOUNT,
        endpoint="",
        quants=(),
        recipes=(),
        disk_bytes=10**18,
    )

    with pytest.raises(HostError, match=r"needs \d+\.\d GB .* are free: .*BOT_HOME"):
        check_disk(Settings(home=tmp_path), plan)


def test_a_mistake_in_the_watchlist_has_file_and_line(bot: Bot) -> None:
    """The watchlist's mistakes are pointed at."""
    bot.watchlist.write_text(bot.watchlist.read_text().replace("recipes:", "recipies:"))

    done = bot("publish", BASE, "--yes")

    assert done.returncode == 3
    assert_one_sentence(done.stderr)
    assert "watchlist.yaml:2" in done.stderr
    assert "recipes" in done.stderr
