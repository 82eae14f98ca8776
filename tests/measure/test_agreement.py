"""The engine answers as mlx_lm.evaluate does, on trained models of five architectures and real tasks.

Few questions here, because MLX multiplies packed weights slowly on a CPU; `benchmarks/agreement.py` asks all.
"""

from __future__ import annotations

import contextlib
import io
import math
import statistics

import pytest
from mlx_lm import convert

from bot.rehearsal.bases import BASES
from tests.measure.agreement import TASKS, Asked, Flip, Job, Question, Way, ask, broken, flips_table, table

BF16 = {f"{base.name} bf16": base.folder for base in BASES}
PACKED = [f"{base.name} 4-bit" for base in BASES]
DENSE, EXPERTS = "Tiny-Qwen3", "Tiny-LFM2-MoE"
PLAIN = [f"{name} 4-bit without chat template" for name in (DENSE, EXPERTS)]
FEW_SHOT = [f"{name} 4-bit with two examples" for name in (DENSE, EXPERTS)]
CUT = [f"{name} 4-bit cut to 64 tokens" for name in (DENSE, EXPERTS)]
CUT_AWAY = f"{DENSE} bf16 cut to 8 tokens"
EVERY = [*BF16, *PACKED, *PLAIN, *FEW_SHOT, *CUT, CUT_AWAY]
NOT_RUN_BY_MLX_LM = {"Tiny-LFM2-MoE bf16", "Tiny-GLM4-MoE bf16", "Tiny-Qwen3-VL-MoE bf16"}
"""GatherMM takes float32 only on the CPU. (The experts of Tiny-GPT-OSS are packed.)"""

SHORT = ("piqa", "winogrande")
"""Asked of most 4-bit quants."""

ROUNDING = 1e-3
"""Nats, of a whole continuation: what float32 sums may differ by."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asked]:
    folder = tmp_path_factory.mktemp("agreement")
    quants = {base.name: folder / f"{base.name}-4-bit" for base in BASES}
    for base in BASES:
        with contextlib.redirect_stdout(io.StringIO()):
            convert(str(base.folder), str(quants[base.name]), quantize=True, q_bits=4, q_group_size=64)
    jobs = [
        Job(name=name, folder=str(path), limit=1 if "GPT-OSS" in name else 2) for name, path in BF16.items()
    ]
    for name, path in quants.items():
        tasks = TASKS if name == DENSE else SHORT
        jobs.append(Job(name=f"{name} 4-bit", folder=str(path), limit=1, tasks=tasks))
    few = ("piqa",)
    for number, name in enumerate((DENSE, EXPERTS)):
        quant = str(quants[name])
        jobs.append(Job(name=PLAIN[number], folder=quant, limit=1, chat_template=False, tasks=SHORT))
        jobs.append(Job(name=FEW_SHOT[number], folder=quant, limit=1, few_shot=2, tasks=few))
        jobs.append(Job(name=CUT[number], folder=quant, limit=1, few_shot=2, max_tokens=64, tasks=few))
    some = ("hellaswag", "piqa", "winogrande")
    jobs.append(Job(name=CUT_AWAY, folder=str(BF16[f"{DENSE} bf16"]), limit=6, max_tokens=8, tasks=some))
    return {asked.job.name: asked for asked in ask(jobs, folder)}


def test_mlx_lm_does_not_run_mixtures_of_experts_in_bfloat16(found: dict[str, Asked]) -> None:
    """What ours is not held against mlx_lm.evaluate for is just this, and the table says so."""
    assert {name for name, asked in found.items() if asked.refused} == NOT_RUN_BY_MLX_LM
    for line in table(found.values()).splitlines()[2:]:
        assert line.count("does not run") == (
            2 if line.split(" | ")[0].strip("| ") in NOT_RUN_BY_MLX_LM else 0
        )


@pytest.mark.parametrize("name", [name for name in EVERY if name not in NOT_RUN_BY_MLX_LM])
def test_with_the_exact_dtype_the_answers_are_those_of_mlx_lm_evaluate(
    found: dict[str, Asked], name: str
) -> None:
    """Every likelihood; so accuracy and acc_norm too, but for choices within a thousandth of a nat."""
    asked = found[name]
    assert max(asked.distances("exact", "theirs")) < ROUNDING
    assert asked.accuracy("exact", "acc") == asked.accuracy("theirs", "acc")
    assert broken(asked, packed=True) == []


@pytest.mark.parametrize("name", EVERY)
def test_by_default_the_answers_are_those_of_the_whole_model_in_float32(
    found: dict[str, Asked], name: str
) -> None:
    """Every likelihood; so ours is nearer to it than mlx_lm.evaluate is, by orders of magnitude."""
    asked = found[name]
    assert max(asked.distances("default")) < ROUNDING
    ways: list[Way] = ["exact"] if asked.refused else ["exact", "theirs"]
    for way in ways:
        assert statistics.median(asked.distances("default")) < statistics.median(asked.distances(way)) / 100


@pytest.mark.parametrize("name", BF16)
def test_on_bfloat16_only_narrow_choices_are_made_otherwise(found: dict[str, Asked], name: str) -> None:
    """No question is answered otherwise by default whose choices are over a tenth of a nat apart."""
    assert broken(found[name], packed=False) == []


def test_all_seven_tasks_are_asked(found: dict[str, Asked]) -> None:
    """Of every base and of a quant; and every choice has a likelihood by every way."""
    for name in (*BF16, f"{DENSE} 4-bit"):
        assert {question.task for question in found[name].questions} == set(TASKS)
    for question in (question for asked in found.values() for question in asked.questions):
        assert {len(values) for values in question.values.values()} == {len(question.lengths)}


def test_contexts_are_cut_where_mlx_lm_cuts_them(found: dict[str, Asked]) -> None:
    """A limit changes what is answered; where it leaves no context, both say minus infinity."""
    for whole, cut in zip(FEW_SHOT, CUT, strict=True):
        pairs = zip(found[whole].questions, found[cut].questions, strict=True)
        assert all(a.values["default"] != pytest.approx(b.values["default"], abs=0.01) for a, b in pairs)
    lost = [
        [math.isinf(value) for question in found[CUT_AWAY].questions for value in question.values[way]]
        for way in ("theirs", "reference", "default", "exact")
    ]
    assert lost[0] == lost[1] == lost[2] == lost[3]
    assert 0 < sum(lost[0]) < len(lost[0])


def test_a_choice_made_otherwise_is_told_with_its_margins() -> None:
    """acc compares nats, acc_norm nats a character: told in nats, by which the two would have to move."""
    values: dict[Way, tuple[float, ...]] = {"theirs": (-8.0, -10.0, -50.0), "exact": (-8.0, -9.0, -50.0)}
    values |= {"reference": (-8.0, -9.0, -50.0), "default": (-8.0, -10.0, -50.0)}
    correct = {way: {"acc": True, "acc_norm": way == "theirs"} for way in values}
    question = Question("piqa", 3, (8, 9, 10), values | {"theirs": (-8.0, -9.5, -50.0)}, correct)  # type: ignore[arg-type]
    asked = Asked(job=Job(name="it", folder=""), questions=(question,), computed={})
    assert asked.flips("exact") == []
    turned = Question("piqa", 3, (8, 9, 10), values | {"exact": (-8.0, -8.5, -50.0)}, correct)  # type: ignore[arg-type]
    (flip,) = Asked(job=Job(name="it", folder=""), questions=(turned,), computed={}).flips("exact")
    assert flip == Flip("it", "exact", "theirs", turned, "acc_norm")
    assert flip.margin("exact") == pytest.approx((1 - 8.5 / 9) * 2 / (1 / 8 + 1 / 9))
    assert flip.widest == flip.margin("theirs") == pytest.approx((10 / 9 - 1) * 2 / (1 / 8 + 1 / 9))
    told = Asked(job=Job(name="it", folder=""), questions=(turned,), computed={})
    assert "| it | exact | piqa | 3 | acc_norm | 0.4706 | 0.9412 |" in flips_table([told])
    assert len(broken(told, packed=True)) == 2  # the choice, and a median that is not nearer
