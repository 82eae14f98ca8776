"""Perplexity as mlx_lm.perplexity takes it, and the divergence of a quant from its base on the same text."""

from __future__ import annotations

import hashlib
import itertools
import math
import types
from collections.abc import Iterator
from typing import Any

import mlx.core as mx
import msgspec
import numpy as np
import numpy.typing as npt
from mlx_lm.tuner.datasets import load_dataset

from bot.errors import ConfigError, VerificationFailed
from bot.measure.ask import Done, part_of
from bot.measure.clusters import clustered_stderr
from bot.measure.data import loading
from bot.measure.divergence import kl
from bot.measure.engine.lines import Batch, Limits, Line, batches
from bot.measure.engine.scorer import Scorer, chunks, log_probabilities
from bot.measure.kept import Arrays, Kept
from bot.records import Divergence, MeasureSettings, Perplexity

Ints = npt.NDArray[np.int64]


class Text(msgspec.Struct, frozen=True):
    """The measured text: token ids (samples x length), and from which document each of them is."""

    tokens: Ints
    documents: Ints

    @property
    def lines(self) -> list[Line]:
        return [Line(tuple(row), 1) for row in self.tokens.tolist()]


class Measured(msgspec.Struct, frozen=True):
    """Of one model on a text. `divergence` is None without a base."""

    perplexity: Perplexity
    divergence: Divergence | None = None


def text(tokenizer: Any, settings: MeasureSettings) -> Text | None:
    """mlx_lm.perplexity's choice for this seed: documents in a random order, one after the other.

    None where the data is chats and the tokenizer has no chat template: mlx_lm.perplexity has no number
    for such a model.

    Raises ConfigError when the dataset holds less text than the settings ask for, NotFound and
    HubUnavailable when it does not come.
    """
    wanted = (settings.perplexity_samples, settings.perplexity_sequence_length)
    with loading(f"the dataset {settings.perplexity_dataset}"):
        try:
            return _chosen(tokenizer, settings.perplexity_dataset, settings.seed, *wanted)
        except IndexError as error:
            raise ConfigError(
                f"{settings.perplexity_dataset} holds fewer than {wanted[0]} x {wanted[1]} tokens: "
                "ask for fewer perplexity samples"
            ) from error
        except ValueError:
            if tokenizer.has_chat_template:
                raise
            return None


def _chosen(tokenizer: Any, dataset: str, seed: int, samples: int, length: int) -> Text:
    """What mlx_lm.perplexity.load_data takes, with each token's document. Raises IndexError at the end."""
    splits = {"path": dataset, "train_split": "train", "valid_split": "train[:1]"}
    arguments = types.SimpleNamespace(hf_dataset=splits, train=True, test=False)
    documents = load_dataset(arguments, tokenizer)[0]
    np.random.seed(seed)
    order = np.random.permutation(len(documents)).tolist()
    tokens: list[int] = []
    origins: list[int] = []
    for place in itertools.count():
        if len(tokens) >= samples * length:
            break
        said, _ = documents.process(documents[order[place]])
        tokens += said
        origins += [place] * len(said)
    shape = (samples, length)
    return Text(*(np.array(each[: samples * length]).reshape(shape) for each in (tokens, origins)))


def measure(
    scorer: Scorer,
    base: Scorer | None,
    measured: Text,
    settings: MeasureSettings,
    *,
    name: str,
    base_name: str = "",
    base_key: str = "",
    dataset_sha: str | None = None,
    kept: Kept,
    done: Done = lambda *_: None,
) -> Measured:
    """Perplexity of a model, and its divergence from `base` where there is one, both going side by side.

    `base_key` says what is kept of a divergence: which base it is from, and how that was computed.
    Raises VerificationFailed when a number is not finite.
    """
    key = f"{base_name} {base_key}" if base is not None else ""
    arrays = _values(scorer, base, measured.lines, key, kept, done)
    targets = measured.documents[:, 1:].ravel()
    losses = -arrays["logprob"]
    mean = float(losses.mean())
    value = math.exp(mean) if mean < 700 else math.inf
    if not math.isfinite(value):
        raise VerificationFailed(
            f"the perplexity of {name} is not a finite number: its weights are broken, quantize it again "
            "or take another recipe"
        )
    perplexity = Perplexity(
        value=value,
        stderr=value * float(losses.std(ddof=1)) / math.sqrt(losses.size),
        samples=measured.tokens.shape[0],
        sequence_length=measured.tokens.shape[1],
        dataset=settings.perplexity_dataset,
        dataset_sha=dataset_sha,
        document_stderr=_or_none(value * clustered_stderr(losses, targets)),
        documents=len(np.unique(targets)),
    )
    if base is None:
        return Measured(perplexity)
    return Measured(perplexity, _divergence(arrays, targets, base_name, settings, dataset_sha, name))


def _divergence(
    arrays: Arrays, documents: Ints, base: str, settings: MeasureSettings, sha: str | None, name: str
) -> Divergence:
    found = arrays["kl"]
    if not np.isfinite(found).all():
        raise VerificationFailed(
            f"the divergence of {name} from {base} is not a finite number: one of them is broken, "
            "quantize it again or take another recipe"
        )
    return Divergence(
        base=base,
        mean=float(found.mean()),
        stderr=_or_none(clustered_stderr(found, documents)),
        median=float(np.median(found)),
        p99=float(np.quantile(found, 0.99)),
        top1=float(arrays["same"].mean()),
        tokens=found.size,
        dataset=settings.perplexity_dataset,
        dataset_sha=sha,
    )


def _or_none(value: float) -> float | None:
    """Of a text that is one document nothing is known about the spread between documents."""
    return value if math.isfinite(value) else None


def _values(
    scorer: Scorer, base: Scorer | None, lines: list[Line], base_key: str, kept: Kept, done: Done
) -> Arrays:
    """Of each predicted token, line by line: its log-probability, and with a base kl and same (1 or 0)."""
    keys = [_key(line, base_key) for line in lines]
    known = {key: kept.text(key) for key in keys}
    todo = {key: line for key, line in zip(keys, lines, strict=True) if known[key] is None}
    for found in _fresh(scorer, base, list(todo.values()), done):
        some = {list(todo)[number]: arrays for number, arrays in found.items()}
        kept.keep_texts(some)
        known |= some
    every = [arrays for key in keys if (arrays := known[key]) is not None]
    return {what: np.concatenate([arrays[what] for arrays in every]) for what in every[0]}


def _key(line: Line, base_key: str) -> str:
    """Of one line's values: they are the same in whatever batch the line is."""
    return hashlib.sha256(np.array(line.tokens, np.int32).tobytes() + base_key.encode()).hexdigest()


def _limits(scorer: Scorer, base: Scorer | None) -> Limits:
    """Batches that suit both, and share nothing: these are different texts."""
    both = [scorer.limits, *([base.limits] if base is not None else [])]
    return Limits(min(x.tokens for x in both), min(x.cells for x in both), sharing=False)


def _fresh(scorer: Scorer, base: Scorer | None, lines: list[Line], done: Done) -> Iterator[dict[int, Arrays]]:
    """Pass by pass, of each line that was in it (its number) the values of its tokens in their order."""
    made = batches(lines, _limits(scorer, base))
    models = [scorer, *([base] if base is not None else [])]
    together = max((model.passes(made, len(models)) for model in models), key=len)
    total = max(1, len(models) * sum(batch.computed for batch in made))
    passed = 0
    for some in together:
        size = sum(batch.computed for batch in some)
        features: list[list[mx.array]] = []
        for model in models:
            features.append(model.features(some, part_of(done, passed, size, total)))
            passed += size
        found: dict[int, Arrays] = {}
        for number, batch in enumerate(some):
            found |= _by_line(batch, _compared(models, batch, [rows[number] for rows in features]))
        yield found


def _by_line(batch: Batch, arrays: Arrays) -> dict[int, Arrays]:
    """A batch's values, one a pair, taken apart."""
    order = np.lexsort((batch.pairs[:, 0], batch.pairs[:, 2]))
    numbers, starts = np.unique(batch.pairs[order, 2], return_index=True)
    parts = {what: np.split(values[order], starts[1:]) for what, values in arrays.items()}
    return {
        int(number): {what: of[place] for what, of in parts.items()} for place, number in enumerate(numbers)
    }


def _compared(models: list[Scorer], batch: Batch, features: list[mx.array]) -> Arrays:
    values, _ = log_probabilities(models[0], batch, features[0])
    if len(models) == 1:
        return {"logprob": values}
    divergence = np.empty(features[0].shape[0])
    same = np.empty(features[0].shape[0])
    for (start, mine), (_, bases) in zip(
        chunks(models[0], features[0]), chunks(models[1], features[1]), strict=True
    ):
        words = min(mine.shape[1], bases.shape[1])  # rows that pad one of the vocabularies are no words
        mine, bases = mine[:, :words], bases[:, :words]
        part = kl(bases - mx.logsumexp(bases, axis=-1, keepdims=True), mine)
        agree = mx.argmax(mine, axis=-1) == mx.argmax(bases, axis=-1)
        mx.eval(part, agree)
        divergence[start : start + part.size] = np.array(part)
        same[start : start + part.size] = np.array(agree)
    at = batch.pairs[:, 0]
    return {"logprob": values, "kl": divergence[at], "same": same[at]}
