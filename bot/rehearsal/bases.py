"""The trained bases that come with the package: small models of the five seed architectures.

They are made by `python -m bot.rehearsal.train`. Nothing here imports MLX.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from bot.errors import NotFound

OWNER = "rehearsal-bases"


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """One base: its name, the mlx-lm model type, and where its files are."""

    name: str
    model_type: str

    @property
    def repo(self) -> str:
        return f"{OWNER}/{self.name}"

    @property
    def folder(self) -> Path:
        return bases_folder() / self.name


BASES: tuple[Base, ...] = (
    Base(name="Tiny-Qwen3", model_type="qwen3"),
    Base(name="Tiny-LFM2-MoE", model_type="lfm2_moe"),
    Base(name="Tiny-GLM4-MoE", model_type="glm4_moe"),
    Base(name="Tiny-Qwen3-VL-MoE", model_type="qwen3_vl_moe"),
    Base(name="Tiny-GPT-OSS", model_type="gpt_oss"),
)


def bases_folder() -> Path:
    """The folder that holds one folder a base."""
    return Path(__file__).parent / "bases"


def base_files(name: str) -> dict[str, Path]:
    """Path in the repo -> file on disk, of the base of that name (`Tiny-Qwen3`). Raises NotFound."""
    known = {base.name: base for base in BASES}
    if name not in known:
        raise NotFound(f"there is no rehearsal base {name!r}: choose one of {', '.join(known)}")
    folder = known[name].folder
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
