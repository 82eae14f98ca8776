"""What a quant holds, what it should hold, and what is said of the difference: records alone."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from bot.fetch.select import WEIGHTS
from bot.records import Record
from bot.safetensors import Tensor

Kind = Literal[
    "corrupt", "stale", "index", "format", "missing", "extra", "shape", "dtype", "senses", "config",
    "recipe", "bits", "loading", "changed", "generation", "tokens", "template", "end_tokens", "license",
    "code", "base_model", "revision", "name",
]  # fmt: skip
"""What a finding is about; programs tell findings apart by it."""


class Finding(Record, frozen=True, kw_only=True):
    """Something that is wrong. `where` is a tensor, a module, a file or a key of config.json."""

    kind: Kind
    text: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


class Remark(Finding, frozen=True, kw_only=True):
    """Something worth knowing that makes nothing wrong."""


class Tokens(Record, frozen=True, kw_only=True):
    """What a tokenizer makes of the fixed set: token ids of each text, the rendered chats.

    `end_ids` are the tokens at which mlx-lm ends an answer.
    """

    ids: tuple[tuple[int, ...], ...]
    chats: tuple[str, ...] = ()
    end_ids: tuple[int, ...] = ()


class Metadata(Record, frozen=True, kw_only=True):
    """What the metadata of a README.md names: the license (or nothing), the base models."""

    license: str = ""
    bases: tuple[str, ...] = ()


class Expected(Record, frozen=True, kw_only=True):
    """What the quant should hold, by its base and by its recipe. What is None or empty is not compared.

    `tensors` as the recipe packs them; without a recipe as the quant itself does, with the names and shapes
    of the base. `quantization` names each packed module, as config.json does. `exact`: tensors that are
    never cast. `by_others`: another tool made it, which may cast floats otherwise and keep what mlx-lm leaves
    out. `sees`: it should see or hear as the base does, with the tensors `senses` (empty where their names
    are not known); `text_only`: the base does and the quant need not. `config`, `generation` and `card` are
    the base's config.json, generation_config.json and README's metadata, `repo` its repo.
    """

    tensors: dict[str, Tensor] | None
    quantization: dict[str, Any]
    bits_per_weight: float | None
    base_files: tuple[str, ...]
    tokens: Tokens | None
    recipe: str = ""
    exact: frozenset[str] = frozenset()
    by_others: bool = False
    sees: bool = False
    senses: frozenset[str] = frozenset()
    text_only: bool = False
    config: dict[str, Any] | None = None
    generation: dict[str, Any] | None = None
    card: Metadata | None = None
    repo: str = ""


class Found(Record, frozen=True, kw_only=True):
    """What the quant holds: headers by file, weight_map of the index (None: no index), config.json, files.

    `formats` is what each file's metadata says, `corrupt` the files that are not whole, with the reason.
    `loaded`: what mlx-lm makes of the tensors, or `refusal` says why it cannot; neither when it was not
    asked. `refused_tokens` says why there are no `tokens`.
    """

    shards: dict[str, dict[str, Tensor]]
    weight_map: dict[str, str] | None
    config: dict[str, Any]
    files: tuple[str, ...]
    tokens: Tokens | None
    formats: dict[str, str] = msgspec.field(default_factory=dict)
    corrupt: dict[str, str] = msgspec.field(default_factory=dict)
    loaded: dict[str, Tensor] | None = None
    refusal: str = ""
    refused_tokens: str = ""
    generation: dict[str, Any] | None = None
    card: Metadata | None = None
    name: str = ""

    @property
    def broken(self) -> bool:
        """True where not all tensors are known."""
        return any(fnmatchcase(file, WEIGHTS) for file in self.corrupt)

    @property
    def stored(self) -> dict[str, Tensor]:
        """The tensors of the files that mlx-lm loads, under the names they have there."""
        files = [tensors for file, tensors in self.shards.items() if fnmatchcase(file, WEIGHTS)]
        return {name: tensor for tensors in files for name, tensor in tensors.items()}

    @property
    def tensors(self) -> dict[str, Tensor]:
        """What programs see: the stored tensors, and under their new names those that mlx-lm renames."""
        return {**self.stored, **(self.loaded or {})}
