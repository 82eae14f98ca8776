"""Perplexity is mlx_lm.perplexity's, divergence is that of whole models, and both survive a kill."""

from __future__ import annotations

import contextlib
import io
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlx.core as mx
import mlx_lm
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx_lm import convert
from mlx_lm.perplexity import eval_ppl, load_data
from mlx_lm.tuner.datasets import load_dataset
from msgspec.structs import replace

from bot.measure import perplexity
from bot.measure.clusters import clustered_stderr
from bot.measure.engine import scorer as scorers
from bot.measure.engine.lines import Limits
from bot.measure.engine.scorer import Layered, open_folder
from bot.measure.kept import Kept
from bot.measure.model import compute_in_float32
from bot.measure.perplexity import Text
from bot.records import MeasureSettings
from bot.rehearsal.bases import BASES, Base
from bot.rehearsal.datasets import CONVERSATIONS, standins

QWEN, EXPERTS = BASES[0], BASES[1]
SAMPLES, LENGTH = 6, 48
by_base = pytest.mark.parametrize("base", BASES, ids=[base.name for base in BASES])

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The conversations that perplexity is measured on, in a folder."""
    folder = tmp_path_factory.mktemp("conversations")
    for name, content in standins()[CONVERSATIONS].items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return str(folder)


@pytest.fixture(scope="module")
def settings(dataset: str) -> MeasureSettings:
    return MeasureSettings(
        perplexity_dataset=dataset, perplexity_samples=SAMPLES, perplexity_sequence_length=LENGTH
    )


@pytest.fixture(scope="module")
def quant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of Tiny-LFM2-MoE, 4 bits."""
    folder = tmp_path_factory.mktemp("quants") / "q4"
    with contextlib.redirect_stdout(io.StringIO()):
        convert(str(EXPERTS.folder), str(folder), quantize=True, q_bits=4, q_group_size=64)
    return folder


def loaded(folder: Path) -> tuple[Any, Any]:
    """The whole model and its tokenizer as mlx_lm loads them."""
    found: tuple[Any, Any] = mlx_lm.load(str(folder))
    return found


def chosen(base: Base, settings: MeasureSettings) -> Text:
    text = perplexity.text(loaded(base.folder)[1], settings)
    assert text is not None
    return text


def measured(folder: Path, text: Text, settings: MeasureSettings, **more: Any) -> perplexity.Measured:
    """By a scorer opened for this alone, unless one is given."""
    scorer = more.pop("scorer", None) or open_folder(folder, exact=more.pop("exact", False))
    base = more.pop("base", None)
    defaults: dict[str, Any] = {
        "name": folder.name,
        "base_name": "base" if base else "",
        "kept": Kept(None, ""),
    }
    return perplexity.measure(scorer, base, text, settings, **(defaults | more))


def log_probabilities(folder: Path, text: Text) -> Floats:
    """Of the whole model in float32: samples x (length - 1) x vocabulary, in double precision from there."""
    model, _ = loaded(folder)
    compute_in_float32(model)
    logits = np.array(model(mx.array(text.tokens[:, :-1])), np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    found: Floats = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return found


# ------------------------------------------------------------------ the text


@by_base
@pytest.mark.parametrize("seed", [123, 7])
def test_the_text_is_that_of_mlx_lm_perplexity(settings: MeasureSettings, base: Base, seed: int) -> None:
    """The same tokens for the same seed, chats rendered by each base's own template."""
    tokenizer = loaded(base.folder)[1]
    np.random.seed(seed)
    theirs = load_data(tokenizer, settings.perplexity_dataset, SAMPLES, LENGTH)
    ours = perplexity.text(tokenizer, replace(settings, seed=seed))
    assert ours is not None
    np.testing.assert_array_equal(ours.tokens, np.array(theirs))


def test_every_token_knows_its_document(settings: MeasureSettings) -> None:
    """Each run of tokens with one number is a document from its start; the last may be cut off."""
    text = chosen(QWEN, settings)
    tokenizer = loaded(QWEN.folder)[1]
    splits = {"path": settings.perplexity_dataset, "train_split": "train", "valid_split": "train[:1]"}
    arguments = SimpleNamespace(hf_dataset=splits, train=True, test=False)
    documents = load_dataset(arguments, tokenizer)[0]
    starts = {tuple(documents.process(documents[n])[0][:12]) for n in range(len(documents))}
    tokens, origins = text.tokens.ravel(), text.documents.ravel()
    assert np.all(np.diff(origins) >= 0)
    assert len(np.unique(origins)) > 2
    for document in np.unique(origins):
        said = tokens[origins == document]
        assert any(tuple(said[:12]) == start[: len(said)] for start in starts)


# ------------------------------------------------------------------ perplexity


def test_with_the_exact_dtype_perplexity_and_error_are_mlx_lms(settings: MeasureSettings) -> None:
    """In the model's own bfloat16, to more than the three decimals that mlx_lm.perplexity prints."""
    text = chosen(QWEN, settings)
    value, stderr = eval_ppl(loaded(QWEN.folder)[0], mx.array(text.tokens))
    ours = measured(QWEN.folder, text, settings, exact=True).perplexity
    assert (ours.value, ours.stderr) == pytest.approx((value, stderr), abs=2e-4)


@by_base
def test_perplexity_and_error_are_those_of_the_whole_model_in_float32(
    settings: MeasureSettings, base: Base
) -> None:
    """By default, on every architecture; eval_ppl of mlx_lm on the model in float32."""
    text = chosen(base, settings)
    model, _ = loaded(base.folder)
    compute_in_float32(model)
    value, stderr = eval_ppl(model, mx.array(text.tokens))
    ours = measured(base.folder, text, settings).perplexity
    assert (ours.value, ours.stderr) == pytest.approx((value, stderr), abs=2e-4)
    assert (ours.samples, ours.sequence_length) == (SAMPLES, LENGTH)


def test_the_clustered_error_takes_the_documents_together(settings: MeasureSettings) -> None:
    """As computed from the losses of the whole model, document by document."""
    text = chosen(QWEN, settings)
    every = np.take_along_axis(log_probabilities(QWEN.folder, text), text.tokens[:, 1:, None], -1)[..., 0]
    losses, documents = -every.ravel(), text.documents[:, 1:].ravel()
    deviations = losses - losses.mean()
    squares = [deviations[documents == document].sum() ** 2 for document in set(documents.tolist())]
    count = len(squares)
    expected = math.exp(losses.mean()) * math.sqrt(count / (count - 1) * sum(squares)) / losses.size
    ours = measured(QWEN.folder, text, settings).perplexity
    assert ours.documents == count
    assert ours.document_stderr == pytest.approx(expected, rel=1e-4)


# ------------------------------------------------------------------ divergence


def test_a_model_does_not_diverge_from_itself(settings: MeasureSettings) -> None:
    """Nothing at all, at every quantile, and the same word is the likeliest everywhere."""
    text = chosen(QWEN, settings)
    found = measured(QWEN.folder, text, settings, base=open_folder(QWEN.folder)).divergence
    assert found is not None
    assert (found.mean, found.median, found.p99) == pytest.approx((0, 0, 0), abs=1e-9)
    assert (found.top1, found.tokens, found.base) == (1.0, SAMPLES * (LENGTH - 1), "base")


def test_the_divergence_is_that_of_the_whole_models(settings: MeasureSettings, quant: Path) -> None:
    """Mean, median, 99th percentile and agreement, against all logits of both models in double precision."""
    text = chosen(EXPERTS, settings)
    base, mine = log_probabilities(EXPERTS.folder, text), log_probabilities(quant, text)
    each = (np.exp(base) * (base - mine)).sum(axis=-1)
    found = measured(quant, text, settings, base=open_folder(EXPERTS.folder)).divergence
    assert found is not None
    assert found.mean == pytest.approx(each.mean(), rel=1e-3)
    assert found.median == pytest.approx(float(np.median(each)), rel=1e-3)
    assert found.p99 == pytest.approx(float(np.quantile(each, 0.99)), rel=1e-3)
    assert found.top1 == pytest.approx((base.argmax(-1) == mine.argmax(-1)).mean(), abs=1 / each.size)
    assert found.mean > 1e-3
    documents = text.documents[:, 1:].ravel()
    assert found.stderr == pytest.approx(clustered_stderr(each.ravel(), documents), rel=1e-3)


def test_logits_are_held_for_a_few_tokens_at_a_time(
    settings: MeasureSettings, quant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the text is, both heads see sixteen of its tokens together; the numbers stay."""
    text = chosen(EXPERTS, settings)
    whole = measured(quant, text, settings, base=open_folder(EXPERTS.folder)).divergence
    base = open_folder(EXPERTS.folder)
    monkeypatch.setattr(scorers, "HEAD_BYTES", 16 * 4 * len(base.tokenizer))
    rows: list[int] = []
    head = Layered.logits

    def seen(self: Layered, features: mx.array) -> mx.array:
        rows.append(features.shape[0])
        return head(self, features)

    monkeypatch.setattr(Layered, "logits", seen)
    few = measured(quant, text, settings, base=base).divergence
    assert max(rows) == 16
    assert few is not None
    assert whole is not None
    assert (few.mean, few.p99, few.top1) == pytest.approx((whole.mean, whole.p99, whole.top1), rel=1e-4)


# ------------------------------------------------------------------ a kill


# ------------------------------------------------------------------ a kill


def in_small_passes(folder: Path, tokens: int) -> Layered:
    """The engine, opened anew as another process would; a pass holds `tokens` tokens."""
    scorer = open_folder(folder)
    assert isinstance(scorer, Layered)
    limits = Limits(tokens, scorer.limits.cells, scorer.limits.sharing)
    scorer._choice = replace(scorer._choice, limits=limits, budget=1)
    return scorer


@pytest.mark.parametrize("with_base", [False, True], ids=["alone", "beside its base"])
def test_what_a_killed_run_has_answered_is_not_computed_again(
    settings: MeasureSettings,
    quant: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    with_base: bool,
) -> None:
    """Another process goes on with the samples that are left, however it batches them; the numbers agree."""
    text = chosen(EXPERTS, settings)
    advance = Layered.features
    passes: list[int] = []
    killed_after = 4

    def counted(self: Layered, made: Any, advanced: Any) -> list[mx.array]:
        if len(passes) == killed_after:
            raise KeyboardInterrupt
        passes.append(sum(len(batch.nodes[0].tokens) for batch in made))
        return advance(self, made, advanced)

    def run(tokens: int) -> perplexity.Measured:
        base = in_small_passes(EXPERTS.folder, tokens) if with_base else None
        kept = Kept(tmp_path / "kept.sqlite", "one way")
        scorer = in_small_passes(quant, tokens)
        return measured(quant, text, settings, scorer=scorer, base=base, kept=kept)

    whole = measured(quant, text, settings, base=open_folder(EXPERTS.folder) if with_base else None)
    models = 2 if with_base else 1
    monkeypatch.setattr(Layered, "features", counted)
    with pytest.raises(KeyboardInterrupt):
        run(LENGTH)
    computed = sum(passes) // models
    assert 0 < computed < SAMPLES
    passes, killed_after = [], 100
    found = run(2 * LENGTH)
    assert sum(passes) // models == SAMPLES - computed
    assert found.perplexity.value == pytest.approx(whole.perplexity.value, rel=1e-6)
    if found.divergence and whole.divergence:
        assert found.divergence.mean == pytest.approx(whole.divergence.mean, rel=1e-5)
    passes = []
    assert run(4 * LENGTH) == found
    assert passes == []


def test_a_divergence_from_another_base_is_not_taken_for_this_ones(
    settings: MeasureSettings, quant: Path, tmp_path: Path
) -> None:
    """Bases of one name are told apart by their key; what is kept of the first says nothing of the second."""
    text = chosen(EXPERTS, settings)
    kept = Kept(tmp_path / "kept.sqlite", "one way")
    far = measured(quant, text, settings, base=open_folder(EXPERTS.folder), base_key="first", kept=kept)
    none = measured(quant, text, settings, base=open_folder(quant), base_key="second", kept=kept)
    assert far.divergence is not None
    assert none.divergence is not None
    assert far.divergence.mean > 1e-3 > 1e-9 > none.divergence.mean


# ------------------------------------------------------------------ errors of clustered values

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=40)
CLUSTERED = st.lists(st.tuples(st.floats(-100, 100), st.integers(0, 5)), min_size=2, max_size=40)


@given(VALUES)
def test_one_value_a_cluster_has_the_plain_standard_error(values: list[float]) -> None:
    """s / sqrt(n), whatever the clusters are called."""
    array = np.array(values)
    clusters = np.arange(len(values))[::-1] * 3 - 7
    expected = array.std(ddof=1) / math.sqrt(len(values))
    assert clustered_stderr(array, clusters) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(CLUSTERED, st.integers(2, 5))
def test_values_repeated_within_their_cluster_tell_nothing_new(
    pairs: list[tuple[float, int]], times: int
) -> None:
    """The error stays as it is; without clusters it would shrink."""
    values, clusters = np.array([v for v, _ in pairs]), np.array([c for _, c in pairs])
    once = clustered_stderr(values, clusters)
    again = clustered_stderr(np.repeat(values, times), np.repeat(clusters, times))
    assert again == pytest.approx(once, rel=1e-9, abs=1e-12, nan_ok=True)
    assert math.isnan(once) == (len(set(clusters.tolist())) < 2)
