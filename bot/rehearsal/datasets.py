"""The stand-in datasets: Parquet files under the ids, configs and columns of the real ones.

Made when they are needed (about a second), the same bytes every time. `datasets` and lm-eval 0.4.13
read them from a Hub by the `configs:` in each README alone.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from bot.rehearsal import conversations, questions
from bot.rehearsal.questions import Row

EVALUATION_ROWS = {"boolq": 80, "piqa": 80, "winogrande": 80}
"""Yes/no and either/or questions need more of them to stand clear of chance."""
OTHER_EVALUATION_ROWS = 64
FEW_SHOT_ROWS = 48
CONVERSATION_ROWS = 3000

_LETTERED = pa.struct([("text", pa.list_(pa.string())), ("label", pa.list_(pa.string()))])
_ARC = pa.schema(
    [("id", pa.string()), ("question", pa.string()), ("choices", _LETTERED), ("answerKey", pa.string())]
)


class Standin(msgspec.Struct, frozen=True, kw_only=True):
    """One config of one dataset. `unlabelled` names the split whose answers the real one hides."""

    repo: str
    config: str
    task: str
    schema: Any
    evaluation: str
    unlabelled: tuple[str, Row] | None = None


STANDINS: tuple[Standin, ...] = (
    Standin(repo="allenai/ai2_arc", config="ARC-Easy", task="arc_easy", schema=_ARC, evaluation="test"),
    Standin(
        repo="allenai/ai2_arc", config="ARC-Challenge", task="arc_challenge", schema=_ARC, evaluation="test"
    ),
    Standin(
        repo="aps/super_glue",
        config="boolq",
        task="boolq",
        schema=pa.schema(
            [("question", pa.string()), ("passage", pa.string()), ("idx", pa.int32()), ("label", pa.int64())]
        ),
        evaluation="validation",
        unlabelled=("test", {"label": -1}),
    ),
    Standin(
        repo="Rowan/hellaswag",
        config="default",
        task="hellaswag",
        schema=pa.schema(
            [
                ("ind", pa.int32()), ("activity_label", pa.string()), ("ctx_a", pa.string()),
                ("ctx_b", pa.string()), ("ctx", pa.string()), ("endings", pa.list_(pa.string())),
                ("source_id", pa.string()), ("split", pa.string()), ("split_type", pa.string()),
                ("label", pa.string()),
            ]
        ),
        evaluation="validation",
        unlabelled=("test", {"label": ""}),
    ),
    Standin(
        repo="allenai/openbookqa",
        config="main",
        task="openbookqa",
        schema=pa.schema(
            [
                ("id", pa.string()), ("question_stem", pa.string()), ("choices", _LETTERED),
                ("answerKey", pa.string()),
            ]
        ),
        evaluation="test",
    ),
    Standin(
        repo="baber/piqa",
        config="default",
        task="piqa",
        schema=pa.schema(
            [("goal", pa.string()), ("sol1", pa.string()), ("sol2", pa.string()), ("label", pa.int64())]
        ),
        evaluation="validation",
        unlabelled=("test", {"label": -1}),
    ),
    Standin(
        repo="allenai/winogrande",
        config="winogrande_xl",
        task="winogrande",
        schema=pa.schema(
            [
                ("sentence", pa.string()), ("option1", pa.string()), ("option2", pa.string()),
                ("answer", pa.string()),
            ]
        ),
        evaluation="validation",
        unlabelled=("test", {"answer": ""}),
    ),
)  # fmt: skip

CONVERSATIONS = "allenai/tulu-3-sft-mixture"
_CONVERSATION_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("messages", pa.list_(pa.struct([("content", pa.string()), ("role", pa.string())]))),
        ("source", pa.string()),
    ]
)
_CLASS_LABELS = {
    "boolq": {"names": ["False", "True"], "_type": "ClassLabel"},
    "piqa": {"names": ["0", "1"], "_type": "ClassLabel"},
}

Files = dict[str, bytes]


def standins() -> dict[str, Files]:
    """All dataset repos: repo id -> path in the repo -> bytes. Deterministic."""
    repos: dict[str, Files] = {}
    splits_of: dict[str, dict[str, list[str]]] = {}
    for standin in STANDINS:
        files = repos.setdefault(standin.repo, {})
        for split, rows in _splits(standin).items():
            schema = _labelled(standin.task, standin.schema)
            files[f"{standin.config}/{split}-00000-of-00001.parquet"] = parquet(rows, schema)
            splits_of.setdefault(standin.repo, {}).setdefault(standin.config, []).append(split)
    talk = conversations.rows(CONVERSATION_ROWS)
    repos[CONVERSATIONS] = {"data/train-00000-of-00001.parquet": parquet(talk, _CONVERSATION_SCHEMA)}
    for repo, configs in splits_of.items():
        repos[repo]["README.md"] = _readme(repo, configs, lambda config, split: f"{config}/{split}-*")
    repos[CONVERSATIONS]["README.md"] = _readme(
        CONVERSATIONS, {"default": ["train"]}, lambda _, split: f"data/{split}-*"
    )
    return repos


def _splits(standin: Standin) -> dict[str, list[Row]]:
    count = EVALUATION_ROWS.get(standin.task, OTHER_EVALUATION_ROWS)
    sizes = {"train": FEW_SHOT_ROWS, "validation": FEW_SHOT_ROWS, "test": FEW_SHOT_ROWS}
    sizes[standin.evaluation] = count
    made = {}
    for split, size in sizes.items():
        held_out = split != "train"
        rows = list(questions.rows(standin.task, split, size, held_out=held_out))
        for number, row in enumerate(rows):
            row.update({key: number for key in ("idx", "ind") if key in row})
            if "split" in row:
                row["split"] = "val" if split == "validation" else split
            if standin.unlabelled is not None and split == standin.unlabelled[0]:
                row.update(standin.unlabelled[1])
        made[split] = rows
    return made


def _labelled(task: str, schema: pa.Schema) -> pa.Schema:
    """The schema with the real dataset's class names, where `datasets` looks for them."""
    if task not in _CLASS_LABELS:
        return schema
    features: dict[str, Any] = {
        field.name: {"dtype": str(field.type), "_type": "Value"} for field in schema
    } | {"label": _CLASS_LABELS[task]}
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def parquet(rows: list[Row], schema: pa.Schema) -> bytes:
    """The rows as one Parquet file."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink, compression="snappy")
    return sink.getvalue()


def _readme(repo: str, configs: dict[str, list[str]], path: Callable[[str, str], str]) -> bytes:
    lines = ["---", "license: mit", "language:", "- en", "pretty_name: Rehearsal stand-in", "tags:"]
    lines += ["- qx-bot-rehearsal", "configs:"]
    for config, splits in configs.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        for split in splits:
            lines += [f"  - split: {split}", f"    path: {path(config, split)}"]
    lines += ["---", _FIRST_LINE.format(repo=repo), "", _ABOUT, ""]
    return "\n".join(lines).encode()


_FIRST_LINE = "This is a rehearsal stand-in made by qx-bot, not the real {repo}: nothing here is its data."
_ABOUT = (
    "Short questions about a made-up small world, in the columns of the real dataset, so that its "
    "lm-evaluation-harness task runs unmodified on small models during `bot rehearse`."
)
