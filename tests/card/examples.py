"""Facts to render: a family like a published one, built through the same pure function as the flow's."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from bot.card.facts import CollectionLink, Facts, Update, facts
from bot.recipes.names import parse
from bot.records import (
    BaseRevision,
    Measurement,
    MeasureSettings,
    ModelFolder,
    Perplexity,
    Plan,
    PlannedQuant,
    RepoFile,
    Sibling,
    Speed,
    TaskScore,
)

GIB = 2**30
SHA = "0123456789abcdef0123456789abcdef01234567"
ACCOUNT = "nightmedia"
BASE = BaseRevision(
    repo="LiquidAI/LFM2-8B-A1B",
    sha=SHA,
    license="other",
    license_name="lfm1.0",
    license_link="LICENSE",
    language=("en", "ja"),
    tags=("liquid", "edge"),
    pipeline_tag="text-generation",
    model_type="lfm2_moe",
    files=(RepoFile(path="model.safetensors", size=31 * GIB), RepoFile(path="config.json", size=900)),
)
QUESTIONS = {
    "arc_challenge": 1172, "arc_easy": 2376, "boolq": 3270, "hellaswag": 10042,
    "openbookqa": 500, "piqa": 1838, "winogrande": 1267,
}  # fmt: skip
ACC_ONLY = ("boolq", "winogrande")
VERSIONS = {"mlx": "0.32.4", "mlx-lm": "0.32.2", "lm-eval": "0.4.13"}


def task_score(task: str, value: float) -> TaskScore:
    n = QUESTIONS[task]
    return TaskScore(
        task=task,
        metric="acc" if task in ACC_ONLY else "acc_norm",
        value=value,
        stderr=(value * (1 - value) / (n - 1)) ** 0.5,
        n=n,
        version="1.0",
        chance=0.5 if task in (*ACC_ONLY, "piqa") else 0.25,
    )


def measurement(
    recipe: str | None,
    scores: tuple[float, ...],
    perplexity: float | None,
    tps: float | None,
    gib: float,
    bits: float | None = None,
    device: str = "Apple M4 Max, 16 cores, 128 GiB, macOS 26.1, MLX on gpu, 107 GiB for Metal",
) -> Measurement:
    settings = MeasureSettings()
    return Measurement(
        name=recipe or "LFM2-8B-A1B",
        recipe=recipe,
        tasks=tuple(task_score(t, v) for t, v in zip(QUESTIONS, scores, strict=False)),
        perplexity=Perplexity(
            value=perplexity, stderr=perplexity / 100, samples=settings.perplexity_samples,
            sequence_length=512, dataset=settings.perplexity_dataset, dataset_sha=SHA,
        ) if perplexity else None,
        speed=Speed(
            prompt_tps=10 * tps, generation_tps=tps, prompt_tokens=512, generation_tokens=128, trials=3,
            generation_spread=1.5,
        ) if tps else None,
        peak_memory_bytes=int((gib + 1) * GIB),
        size_bytes=int(gib * GIB),
        bits_per_weight=bits,
        settings=settings,
        device=device,
        compute_dtype="bfloat16",
        chat_template_sha256=64 * "a",
        versions=VERSIONS,
        dataset_revisions={"allenai/ai2_arc": SHA, "Rowan/hellaswag": SHA},
        measured_at="2026-01-02T03:04:05Z",
    )  # fmt: skip


BASE_MEASUREMENT = measurement(None, (0.464, 0.583, 0.826, 0.627, 0.398, 0.717, 0.575), 12.81, 70.4, 31.0)
QX86_HI = measurement("qx86-hi", (0.453, 0.587, 0.825, 0.624, 0.398, 0.716, 0.578), 12.869, 193.0, 8.3, 8.55)
QX64_HI = measurement("qx64-hi", (0.440, 0.588, 0.823, 0.613, 0.400, 0.713, 0.559), 13.113, 236.3, 6.1, 6.28)
MXFP4 = measurement("mxfp4", (0.425, 0.561, 0.794, 0.595, 0.392, 0.706, 0.561), 13.960, 279.9, 4.1, 4.25)


def repo(recipe: str) -> str:
    return f"{ACCOUNT}/LFM2-8B-A1B-{recipe}-mlx"


def siblings(*measurements: Measurement) -> tuple[Sibling, ...]:
    return tuple(
        Sibling(repo=repo(m.recipe or ""), recipe=m.recipe or "", measurement=m) for m in measurements
    )


def card_facts(
    mine: Measurement = QX86_HI,
    base_measurement: Measurement | None = BASE_MEASUREMENT,
    others: tuple[Measurement, ...] = (QX86_HI, QX64_HI, MXFP4),
    base: BaseRevision = BASE,
    rehearsal: bool = False,
    text_only: bool = False,
    collections: tuple[CollectionLink, ...] | None = None,
    updates: tuple[Update, ...] = (),
) -> Facts:
    recipe = mine.recipe or ""
    quant = PlannedQuant(
        recipe=recipe, recipe_hash="c0ffee", repo=repo(recipe), predicted_bytes=mine.size_bytes,
        bits_per_weight=mine.bits_per_weight or 0.0,
    )  # fmt: skip
    folder = ModelFolder(
        recipe=recipe, recipe_hash="c0ffee", path="/nowhere", base=base.repo, base_sha=base.sha, files=(),
        bits_per_weight=mine.bits_per_weight or 0.0, parameters=8_340_000_000, text_only=text_only,
    )  # fmt: skip
    plan = Plan(
        endpoint="https://huggingface.co",
        base=base,
        account=ACCOUNT,
        quants=(quant,),
        recipes=(parse(recipe),),
        collections=("LFM2", "Liquid AI"),
        rehearsal=rehearsal,
    )
    return facts(
        plan,
        quant,
        folder,
        mine,
        base_measurement,
        siblings(*others),
        collections=collections,
        updates=updates,
    )


def measured(known: Facts, **changes: Any) -> Facts:
    """The same facts with something else measured."""
    assert known.measured is not None
    return replace(known, measured=replace(known.measured, **changes))
