"""The frozen records that flow between the stages, in the order in which they flow.

    watch   -> Change
    plan    -> Plan (with a PlannedQuant per recipe)
    fetch   -> Snapshot
    quantize-> ModelFolder
    measure -> Measurement (with the base's own beside it)
    review  -> Review
    gate    -> Gate
    card    -> Card
    publish -> PublishedRepo, and a Manifest inside the repo

All are msgspec structs: they refuse bad values when they are decoded, and
`to_json`/`from_json` carry them over process and database boundaries.
Sizes are bytes, times are seconds, dates are ISO 8601 strings in UTC.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from bot.review_settings import ReviewSettings


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records: immutable, keyword-only; unknown keys are ignored (newer writers).

    Subclasses repeat `frozen=True, kw_only=True`: msgspec does not inherit the second, mypy not the first.
    """


R = TypeVar("R", bound=msgspec.Struct)


def to_json(record: msgspec.Struct) -> dict[str, Any]:
    """The record as plain JSON values (dict, list, str, int, float, bool, None)."""
    built: dict[str, Any] = msgspec.to_builtins(record)
    return built


def from_json(kind: type[R], data: Any) -> R:
    """Inverse of `to_json`. Raises msgspec.ValidationError, whose text names the place (`$.quants[0]`)."""
    return msgspec.convert(data, kind)


# ---------------------------------------------------------------- upstream


class RepoFile(Record, frozen=True, kw_only=True):
    """One file of a Hub repo at one revision. `sha256` only for LFS files, `oid` is the git blob id."""

    path: str
    size: int
    oid: str = ""
    sha256: str | None = None


class BaseRevision(Record, frozen=True, kw_only=True):
    """A base model at exactly one commit, as the Hub describes it (nothing large downloaded)."""

    repo: str
    sha: str
    last_modified: str | None = None
    gated: bool = False
    license: str | None = None
    license_name: str | None = None
    license_link: str | None = None
    language: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    model_type: str | None = None
    files: tuple[RepoFile, ...] = ()

    @property
    def name(self) -> str:
        """The repo's name without its owner."""
        return self.repo.split("/", 1)[1]

    @property
    def weight_bytes(self) -> int:
        return sum(f.size for f in self.files if f.path.endswith(".safetensors"))


ChangeKind = Literal[
    "new", "weights", "tokenizer", "card", "license", "generation_config", "renamed", "gone", "other"
]  # fmt: skip


class Change(Record, frozen=True, kw_only=True):
    """What the watch saw: this repo is now at `sha`, and why that matters. `renamed_to`: its new name."""

    repo: str
    sha: str
    kind: ChangeKind
    before: str | None = None
    seen_at: str = ""
    watch_entry: str = ""
    renamed_to: str | None = None


# ---------------------------------------------------------------- recipe

Mode = Literal["affine", "mxfp4", "mxfp8", "nvfp4"]
"""How MLX packs weights: affine (scale and bias per group), or a microscaling format (scale alone)."""


class Quantization(Record, frozen=True, kw_only=True):
    """How one tensor is stored. `bits` 2..8, `group_size` weights per scale, `mode` as MLX names it."""

    bits: int
    group_size: int
    mode: Mode = "affine"


class Layers(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A choice of layers, counted from 0: `only` these; the `first` or `last` few; else one of each run of
    `every`: the one at `offset`, or the next in the run that has what the rule is about (`placed`)."""

    every: int = 1
    offset: int = 0
    first: int | None = None
    last: int | None = None
    only: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.every < 1 or not 0 <= self.offset < self.every:
            raise ValueError("layers: every must be at least 1 and offset from 0 up to every - 1")

    def holds(self, layer: int, n_layers: int) -> bool:
        """True when `layer` of `n_layers` is among them."""
        if self.only is not None:
            return layer in self.only
        if self.first is not None and layer < self.first:
            return True
        if self.last is not None and layer >= n_layers - self.last:
            return True
        return self.first is self.last is None and layer % self.every == self.offset


class Rule(Record, frozen=True, kw_only=True):
    """One line of a recipe. `pattern` is searched in the module's path; `wanted` None keeps it as it is.

    Outside `layers`, `otherwise` is wanted where it is given, else the next rules are asked. `tied`
    restricts the rule to models whose embeddings are (or are not) their head. A `required` rule must
    match somewhere in the model, or the recipe does not fit it.
    """

    role: str
    pattern: str
    wanted: Quantization | None = None
    otherwise: Quantization | None = None
    layers: Layers | None = None
    tied: bool | None = None
    required: bool = False

    def matches(self, path: str, layer: int | None, n_layers: int, tied: bool) -> bool:
        """True when this rule decides about the module at `path`."""
        if self.tied is not None and self.tied != tied:
            return False
        if self.otherwise is None and not self._enhanced(layer, n_layers):
            return False
        return re.search(self.pattern, path) is not None

    def gives(self, layer: int | None, n_layers: int) -> Quantization | None:
        """What a module that matches is to become."""
        return self.wanted if self._enhanced(layer, n_layers) else self.otherwise

    def _enhanced(self, layer: int | None, n_layers: int) -> bool:
        return self.layers is None or (layer is not None and self.layers.holds(layer, n_layers))


class Recipe(Record, frozen=True, kw_only=True):
    """Ordered rules under a name. `dtype` casts what stays a float (None: as the base's config says).

    `requantize` also takes up tensors that the source already quantized; otherwise they stay. `about` says
    where the recipe comes from.
    """

    name: str
    rules: tuple[Rule, ...]
    dtype: str | None = None
    requantize: bool = False
    about: str = ""

    @property
    def hash(self) -> str:
        """sha256 of the canonical content: same hash, same decisions (comments and `about` aside)."""
        deciding = msgspec.structs.replace(self, about="")
        return hashlib.sha256(msgspec.json.encode(deciding, order="sorted")).hexdigest()

    @property
    def default(self) -> Quantization | None:
        """What the last rule (the data) gives; config.json names it at its top level."""
        return self.rules[-1].wanted


# ---------------------------------------------------------------- plan


class MeasureSettings(Record, frozen=True, kw_only=True):
    """What is measured and how. Defaults are what the published cards use.

    `chat_template` (YAML reads `on` and `off` as true and false): where the tokenizer has one, tasks are
    asked with it, without it, or both. `exact_dtype` computes in the model's own dtype, as mlx_lm.evaluate.
    """

    tasks: tuple[str, ...] = (
        "arc_challenge", "arc_easy", "boolq", "hellaswag", "openbookqa", "piqa", "winogrande",
    )  # fmt: skip
    limit: int | None = None
    seed: int = 123
    chat_template: bool | Literal["on", "off", "both"] = True
    exact_dtype: bool = False
    perplexity_dataset: str = "allenai/tulu-3-sft-mixture"
    perplexity_samples: int = 256
    perplexity_sequence_length: int = 512
    prompt_tokens: int = 512
    generation_tokens: int = 128
    speed_trials: int = 3

    @property
    def templates(self) -> tuple[bool, ...]:
        """Whether the chat template is applied, one entry a run of the tasks; the first gives the scores."""
        if self.chat_template == "both":
            return (True, False)
        return (self.chat_template in (True, "on"),)


Over = Annotated[float, msgspec.Meta(gt=0)]
"""A bound that something is over or not."""


class ByWidth(Record, frozen=True, kw_only=True):
    """A bound for each class of bits per weight (`bot.review.gate.WIDTHS`); None: the default."""

    bits8: Over | None = msgspec.field(default=None, name="8bit")
    bits6: Over | None = msgspec.field(default=None, name="6bit")
    bits4: Over | None = msgspec.field(default=None, name="4bit")
    bits3: Over | None = msgspec.field(default=None, name="3bit")
    bits2: Over | None = msgspec.field(default=None, name="2bit")


class GateSettings(Record, frozen=True, kw_only=True):
    """What the gate stops: KL to the base over `kl` (nats a token), perplexity over `perplexity` times the
    base's. A quant that is worse than its base by `margin` of mean accuracy only where `non_inferiority`
    is `stop`."""

    kl: ByWidth = ByWidth()
    perplexity: ByWidth = ByWidth()
    non_inferiority: Literal["label", "stop"] = "label"
    margin: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.01


class PlannedQuant(Record, frozen=True, kw_only=True):
    """One quant to make. `action` is decided by what the target repo on the Hub says.

    `published`, `waiting` (private, for `bot release`) and `stopped` (by the gate, for `bot approve`) hold
    just this already; `foreign` is not ours.
    """

    recipe: str
    recipe_hash: str
    repo: str
    predicted_bytes: int
    bits_per_weight: float
    action: Literal["make", "update", "published", "waiting", "stopped", "foreign"] = "make"
    why: str = ""


class Plan(Record, frozen=True, kw_only=True):
    """Everything that will be done for one base revision. Decided once, then only followed.

    `recipes` holds what the quants' recipes say now: a recipe file that is edited later changes nothing here.
    """

    base: BaseRevision
    account: str
    endpoint: str
    quants: tuple[PlannedQuant, ...]
    recipes: tuple[Recipe, ...]
    collections: tuple[str, ...] = ()
    measure: MeasureSettings = MeasureSettings()
    gate: GateSettings = GateSettings()
    review: ReviewSettings | None = None
    publish: Literal["verified", "early"] = "verified"
    compare_with: tuple[str, ...] = ()
    staging: Literal["private", "branch"] = "private"
    keep_private: bool = False
    rehearsal: bool = False
    text_only: bool = False
    disk_bytes: int = 0
    why: str = ""

    @property
    def early(self) -> bool:
        """Whether quants become public before their tasks are measured. Perplexity comes first: by it (and
        the KL on its text) the gate judges."""
        waits = bool(self.measure.tasks) and self.measure.perplexity_samples > 0
        return self.publish == "early" and waits and not self.keep_private

    def without_tasks(self) -> Plan:
        """The same, but for the tasks."""
        return msgspec.structs.replace(self, measure=msgspec.structs.replace(self.measure, tasks=()))

    def to_make(self) -> tuple[PlannedQuant, ...]:
        """The quants that are not already published from the same base revision and recipe."""
        return tuple(q for q in self.quants if q.action in ("make", "update"))

    def recipe_of(self, quant: PlannedQuant) -> Recipe:
        """What the quant's recipe says."""
        return next(recipe for recipe in self.recipes if recipe.name == quant.recipe)


# ---------------------------------------------------------------- fetch, quantize


class Snapshot(Record, frozen=True, kw_only=True):
    """A base on disk at exactly `sha`. `files` were checked against the Hub's sizes and hashes."""

    repo: str
    sha: str
    path: str
    files: tuple[RepoFile, ...]


class ModelFolder(Record, frozen=True, kw_only=True):
    """A finished quant on disk. `files` holds every file with its sha256, the README not yet among them."""

    recipe: str
    recipe_hash: str
    path: str
    base: str
    base_sha: str
    files: tuple[RepoFile, ...]
    bits_per_weight: float
    parameters: int
    text_only: bool = False
    notes: tuple[str, ...] = ()

    @property
    def weight_bytes(self) -> int:
        return sum(f.size for f in self.files if f.path.endswith(".safetensors"))


# ---------------------------------------------------------------- measure


class TaskScore(Record, frozen=True, kw_only=True):
    """One task on one model. `metric` is `acc` or `acc_norm`; `n` questions; stderr as lm-eval gives it.

    `answers` counts how often each choice (by its position) was given, `correct` how often it was right.
    `chance` is the expected score of guessing uniformly, `majority` that of always giving the most
    frequent right answer. `outcomes` names the file of the per-question outcomes, below the measurement
    store; in a manifest, below its repo.
    `chat_template` says whether the questions were asked with one, `few_shot` how many examples came before,
    `task_hash` identifies the task's definition.
    """

    task: str
    metric: str
    value: float
    stderr: float
    n: int
    version: str = ""
    chance: float | None = None
    majority: float | None = None
    answers: tuple[int, ...] = ()
    correct: tuple[int, ...] = ()
    outcomes: str | None = None
    chat_template: bool | None = None
    few_shot: int = 0
    task_hash: str = ""


class Perplexity(Record, frozen=True, kw_only=True):
    """Perplexity and its standard error as mlx_lm.perplexity computes them, with tokens as independent.

    `document_stderr` takes the tokens of one document as one cluster; `documents` is how many there are.
    """

    value: float
    stderr: float
    samples: int
    sequence_length: int
    dataset: str
    dataset_sha: str | None = None
    document_stderr: float | None = None
    documents: int | None = None


class Divergence(Record, frozen=True, kw_only=True):
    """How far a quant's next-token distributions are from its base's, on the text of the perplexity.

    KL(base || quant) in nats a token: `mean` with its document-clustered `stderr` (None for one document),
    `median`, 99th percentile.
    `top1` is the share of positions where both find the same token most likely.
    """

    base: str
    mean: float
    stderr: float | None
    median: float
    p99: float
    top1: float
    tokens: int
    dataset: str
    dataset_sha: str | None = None


class Computation(Record, frozen=True, kw_only=True):
    """How likelihoods were computed on this machine, as a probe chose. `why` is a sentence for people.

    `path`: layer by layer, or the whole model at once where its forward pass does not allow that.
    `weights`: as the files hold them, or dequantized a layer at a time. `budget_bytes` bounds what is held
    between layers.
    """

    path: Literal["layers", "whole"]
    weights: Literal["stored", "dequantized"]
    dtype: str
    batch_tokens: int
    budget_bytes: int = 0
    why: str = ""


class Speed(Record, frozen=True, kw_only=True):
    """Tokens per second as mlx_lm.benchmark counts them: median of trials, with the spread (max - min)."""

    prompt_tps: float
    generation_tps: float
    prompt_tokens: int
    generation_tokens: int
    trials: int
    prompt_spread: float = 0.0
    generation_spread: float = 0.0


class Answer(Record, frozen=True, kw_only=True):
    """One chat prompt answered greedily. `stopped` at an end token; `looping` repeats itself."""

    prompt: str
    text: str
    tokens: int
    stopped: bool
    looping: bool


class Answers(Record, frozen=True, kw_only=True):
    """The smoke test of one model: three chat prompts, and whether the chat template's end token ends."""

    answers: tuple[Answer, ...]
    end_tokens: tuple[str, ...] = ()
    missing_end_tokens: tuple[str, ...] = ()


class Measurement(Record, frozen=True, kw_only=True):
    """All that was measured of one model folder, and what makes it repeatable.

    `tasks` are the scores; where the tasks were also asked without the chat template, those stand in
    `tasks_without_template`. `speed_withheld` says why there is no speed although it was asked for.
    """

    name: str
    recipe: str | None
    tasks: tuple[TaskScore, ...]
    perplexity: Perplexity | None
    speed: Speed | None
    peak_memory_bytes: int
    size_bytes: int
    bits_per_weight: float | None
    settings: MeasureSettings
    device: str
    compute_dtype: str
    tasks_without_template: tuple[TaskScore, ...] = ()
    divergence: Divergence | None = None
    computation: Computation | None = None
    speed_withheld: str | None = None
    chat_template_sha256: str | None = None
    versions: dict[str, str] = {}
    dataset_revisions: dict[str, str] = {}
    answers: Answers | None = None
    measured_at: str = ""
    seconds: float = 0.0


# ---------------------------------------------------------------- review, card


class Sibling(Record, frozen=True, kw_only=True):
    """A quant of the same base that the card shows beside this one."""

    repo: str
    recipe: str
    measurement: Measurement
    published: bool = False


class Review(Record, frozen=True, kw_only=True):
    """What may be said about one quant, computed from measurements only."""

    verdict: str
    sentences: tuple[str, ...] = ()
    says_nothing: tuple[str, ...] = ()


class Card(Record, frozen=True, kw_only=True):
    """A rendered model card: README.md's text, and where its template came from."""

    text: str
    template: str
    template_commit: str | None
    title: str


# ---------------------------------------------------------------- gate


class NonInferiority(Record, frozen=True, kw_only=True):
    """Whether a quant is shown to be no worse than its base by `margin` of mean accuracy or more.

    `value` is the mean difference over `tasks` tasks, `low` and `high` its one-sided 97.5 % bounds.
    `power` is the probability of showing it, with these questions, if there were no difference at all.
    `paired`: every task's difference comes from the same questions on both sides.
    """

    verdict: Literal["non-inferior", "not shown", "inferior"]
    value: float
    low: float
    high: float
    margin: float
    power: float
    tasks: int
    questions: int
    paired: bool


class Gate(Record, frozen=True, kw_only=True):
    """What the gate found of one quant. Each of `reasons` is a sentence that keeps it from the public.

    `width` is the class of its bits per weight, `kl_bound` and `perplexity_bound` what held for it;
    `not_judged` says in a sentence each what could not be looked at.
    """

    passed: bool
    reasons: tuple[str, ...] = ()
    width: str = ""
    kl_bound: float = 0.0
    perplexity_bound: float = 0.0
    non_inferiority: NonInferiority | None = None
    not_judged: tuple[str, ...] = ()

    def told(self, repo: str) -> str:
        """Why `repo` is stopped, and the line to type."""
        return f"{'; '.join(self.reasons)}; `bot approve {repo}` makes it public nonetheless"


class Approval(Record, frozen=True, kw_only=True):
    """A person's yes to a quant that the gate had stopped: which account, when, and over which reasons."""

    by: str
    at: str
    reasons: tuple[str, ...]


# ---------------------------------------------------------------- publish


class Evidence(Record, frozen=True, kw_only=True):
    """Tool versions and host facts that stand in the manifest."""

    versions: dict[str, str]
    device: str
    made_at: str


class Manifest(Record, frozen=True, kw_only=True):
    """`qx_manifest.json`: the ledger entry that every published repo carries.

    `files` lists every other file of the repo with its size and sha256. `base_sha` and `recipe_hash`
    are the identity by which the bot knows that a request was already fulfilled. `rules` is what the recipe
    said, so that a quant can be checked and made again where nobody has the recipe's file. `measuring`: it is
    out early, its tasks are still being measured. `approval` is there where a person let it past the gate.

    After a patch, tokenizer and other small files are of `base_sha`, and `weights_sha` (else empty) is the
    earlier revision, with the same weights, of which weights and measurements were made. `base_gone`: since
    when (a date) the base is known not to be on the Hub any more.
    """

    format: Literal["qx-manifest-1"] = "qx-manifest-1"
    made_by: str = "qx-bot"
    repo: str
    base: str
    base_sha: str
    weights_sha: str = ""
    base_gone: str = ""
    recipe: str
    recipe_hash: str
    rules: Recipe | None = None
    text_only: bool = False
    rehearsal: bool = False
    template: str = ""
    template_commit: str | None = None
    bits_per_weight: float = 0.0
    parameters: int = 0
    collections: tuple[str, ...] = ()
    files: tuple[RepoFile, ...] = ()
    measurement: Measurement | None = None
    base_measurement: Measurement | None = None
    measuring: bool = False
    gate: Gate | None = None
    approval: Approval | None = None
    evidence: Evidence | None = None

    @property
    def stopped(self) -> bool:
        """True where the gate stopped it, whatever a person said since."""
        return self.gate is not None and not self.gate.passed

    @property
    def revisions(self) -> frozenset[str]:
        """The base revisions whose weights it is known to hold: siblings have one in common."""
        return frozenset(filter(None, (self.base_sha, self.weights_sha)))


class PublishedRepo(Record, frozen=True, kw_only=True):
    """What stands on the Hub after a publish. `verified` counts files whose hash the Hub confirmed."""

    repo: str
    url: str
    sha: str
    public: bool
    verified: int
    recipe: str
    collections: tuple[str, ...] = ()
    already: bool = False
    gate: Gate | None = None

    @property
    def stopped(self) -> bool:
        return self.gate is not None and not self.gate.passed


class Outcome(Record, frozen=True, kw_only=True):
    """The end of one planned quant: published, already there, or the sentence that says why not.

    `stopped`: by the gate; it stays private and waits for `bot approve`.
    """

    repo: str
    recipe: str
    status: Literal["published", "already", "private", "stopped", "foreign", "failed"]
    published: PublishedRepo | None = None
    measurement: Measurement | None = None
    error: str | None = None
    error_kind: str | None = None


class FamilyResult(Record, frozen=True, kw_only=True):
    """The end of one run: the base, its own measurement, and an outcome per planned quant."""

    base: str
    base_sha: str
    base_measurement: Measurement | None
    outcomes: tuple[Outcome, ...]
