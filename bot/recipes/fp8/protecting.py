"""A recipe that keeps at H what an FP8 release keeps as floats, and its file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from bot.errors import UsageError
from bot.recipes.fp8.protected import Protected, Role, some
from bot.recipes.recipe import rule_for
from bot.recipes.writing import recipe_file
from bot.records import Layers, Quantization, Recipe, Record, Rule

KEPT_ROLES = ("router", "head", "embeddings")
"""Rules of the recipe to follow that stand as they are; its other choices give way to the release's."""

_EXPERTS = r"(experts|switch_mlp|experts\.switch_(mlp|glu))"
_MORE_PARENTS = {"attn": ("self_attn",), "ffn": ("mlp",), "block_sparse_moe": ("mlp",), "moe": ("mlp",)}
_GATED = ("gate_proj", "up_proj")
_MORE_LEAVES = {
    "w1": ("gate_proj",), "w2": ("down_proj",), "w3": ("up_proj",),
    "gate_up_proj": _GATED, "gate_and_up_proj": _GATED,
    "qkv_proj": ("q_proj", "k_proj", "v_proj"), "kv_b_proj": ("embed_q", "unembed_out"),
    "wq_a": ("q_a_proj",), "wq_b": ("q_b_proj",), "wkv": ("kv_proj",),
    "wo_a": ("o_a_proj",), "wo_b": ("o_b_proj",),
}  # fmt: skip
"""What `sanitize` in mlx-lm's model files may call a checkpoint's module: mixtral, lfm2_moe; gpt_oss,
qwen3_vl_moe, llama4, hunyuan; deepseek_v3; deepseek_v41. Other architectures keep the checkpoint's name."""

_EXPERT_LEAVES = {"up_proj": ("fc1",), "down_proj": ("fc2",)}
"""nemotron_h."""

_KINDS = (
    ("attention", re.compile(r"(^|\.)((self_|linear_|cross_)?attn|(self_)?attention)(\.|$)")),
    ("shared experts", re.compile(r"(^|\.)shared?_(experts?|mlp)(\.|$)")),
    ("experts", re.compile(r"(^|\.)experts(\.|$)")),
    ("feed-forward", re.compile(r"(^|\.)(mlp|ffn|feed_forward|block_sparse_moe|moe)(\.|$)")),
    ("other", re.compile("")),
)


def default_name(like: Recipe) -> str:
    """The new recipe's name, and its file's stem: `fp8-qx86-hi`."""
    return f"fp8-{like.name}"


def recipe_text(like: Recipe, protected: Protected, source: str) -> str:
    """The text of the recipe's file. `source` names the release: `owner/name@sha`.

    Raises UsageError where `like` has no two widths.
    """
    return recipe_file(protecting(like, protected, source), _comments(like, protected, source))


def protecting(like: Recipe, protected: Protected, source: str) -> Recipe:
    """`like`, with H for exactly what the release keeps as floats in place of its own choice of layers.

    Rules for routers, head, embeddings and the data stay, in their order, and so do those that keep a
    tensor as it is. H is what `like` gives the head, D what it gives the data. Raises UsageError where
    these are not two widths.
    """
    high, low = two_widths(like)
    chosen = tuple(_rule(group, high) for group in _groups(protected.roles))
    attended = any(rule.required for rule in chosen)
    before = [rule for rule in like.rules[:-1] if _stands(rule)]
    after = [
        Rule(role=rule.role, pattern=rule.pattern, wanted=low, required=True)
        for rule in like.rules[:-1]
        if rule.required and not _stands(rule) and not attended
    ]
    return Recipe(
        name=default_name(like),
        rules=(*before, *chosen, *after, like.rules[-1]),
        dtype=like.dtype,
        requantize=like.requantize,
        about=_about(like, chosen, high, source),
    )


def _about(like: Recipe, chosen: tuple[Rule, ...], high: Quantization, source: str) -> str:
    if not chosen:
        return f"Inside the layers nothing is enhanced: the FP8 release {source} keeps no floats there."
    names = some((rule.role for rule in chosen), 8)
    return (
        f"{_bits(high)} for what the FP8 release {source} keeps as floats ({names}); the rest as in "
        f"{like.name}."
    )


def two_widths(like: Recipe) -> tuple[Quantization, Quantization]:
    """H and D: what the recipe gives the head and the data. Raises UsageError where H is not above D."""
    head = rule_for(like, "lm_head", None, 0)
    high, low = head.gives(None, 0) if head else None, like.default
    if high is None or low is None or high.bits <= low.bits:
        raise UsageError(
            f"{like.name} does not give its head more bits than its data, so there is no H for what an FP8 "
            "release keeps: follow a recipe of two widths (--like qx86-hi)"
        )
    return high, low


def _stands(rule: Rule) -> bool:
    return rule.role in KEPT_ROLES or (rule.wanted is None and rule.otherwise is None)


# ------------------------------------------------------------------ from roles to rules


class _Group(Record, frozen=True, kw_only=True):
    """Roles that share their parent and their layers: one rule."""

    kind: str
    parent: str
    roles: tuple[Role, ...]

    @property
    def leaves(self) -> list[str]:
        return [role.tail.rpartition(".")[2] for role in self.roles]

    @property
    def name(self) -> str:
        """`attention (self_attn.q_proj, o_proj)`: no two rules of a recipe have the same."""
        return f"{self.kind} ({f'{self.parent}.' if self.parent else ''}{', '.join(self.leaves)})"


def _groups(roles: Iterable[Role]) -> Iterator[_Group]:
    """Attention first; the rest by kind and name."""

    def key(role: Role) -> tuple[int, str, bool, tuple[int, ...]]:
        return _kind(role.tail), role.tail.rpartition(".")[0], role.layered, role.layers or ()

    for (kind, parent, *_), group in groupby(sorted(roles, key=key), key):
        yield _Group(kind=_KINDS[kind][0], parent=parent, roles=tuple(group))


def _rule(group: _Group, high: Quantization) -> Rule:
    role = group.roles[0]
    return Rule(
        role=group.name,
        pattern=_pattern(group.parent, group.leaves, role.layered),
        wanted=high,
        layers=Layers(only=role.layers) if role.layers else None,
        required=group.kind == "attention",
    )


def _kind(tail: str) -> int:
    return next(index for index, (_, pattern) in enumerate(_KINDS) if pattern.search(tail))


def _pattern(parent: str, leaves: list[str], layered: bool) -> str:
    r"""A pattern that finds these modules under mlx-lm's names: `\d\.self_attn\.(k_proj|q_proj)$`."""
    parents = [part for part in parent.split(".") if part]
    more = _MORE_LEAVES | (_EXPERT_LEAVES if "experts" in parents else {})
    steps = [
        _EXPERTS if part == "experts" else _either((part, *_MORE_PARENTS.get(part, ()))) for part in parents
    ]
    names = _either(dict.fromkeys(name for leaf in leaves for name in (leaf, *more.get(leaf, ()))))
    return (r"\d\." if layered else r"(^|\.)") + r"\.".join((*steps, names)) + "$"


def _either(names: Iterable[str]) -> str:
    escaped = [re.escape(name) for name in names]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


# ------------------------------------------------------------------ the comments


def _comments(like: Recipe, protected: Protected, source: str) -> Iterator[str]:
    high, low = two_widths(like)
    weights = ", ".join(f"{count} {dtype}" for dtype, count in protected.stored.items())
    read = "; ".join((*protected.lists, "the dtypes in the safetensors headers, which decide"))
    yield f"What an FP8 release keeps as floats is at {_bits(high)} here, the data at {_bits(low)}."
    yield f"Head, embeddings and routers follow {like.name}, and nothing else is chosen."
    yield ""
    yield f"Source: {source}"
    yield f"It calls itself: {protected.method}. Weights: {weights}."
    yield f"Read: {read}."
    yield from (f"Where they disagree the headers are believed: {said}." for said in protected.contradictions)
    yield ""
    if protected.roles:
        yield "Kept as floats there, and here a rule:"
        yield from (f"- {_kept(group)}" for group in _groups(protected.roles))
    else:
        yield "Inside its layers it keeps nothing as floats that a recipe could enhance."
    if protected.unruled:
        yield "Kept as floats there, and here no rule for it:"
        yield from (f"- {each.reason} ({some(each.tails)})" for each in protected.unruled)
    yield ""
    yield "Rules are tried from the top; the first that is found in the module's path and layer decides."


def _kept(group: _Group) -> str:
    first = group.roles[0]
    layers = f" in {len(first.layers)} of its layers" if first.layers else ""
    everywhere = " wherever it stands" if first.layered and not first.layers else ""
    dtypes = ", ".join(sorted({role.dtype for role in group.roles}))
    count = sum(role.modules for role in group.roles)
    return f"{group.name}{layers}{everywhere}: {count} {'module' if count == 1 else 'modules'}, {dtypes}"


def _bits(width: Quantization) -> str:
    return f"{width.bits} bits" if width.mode == "affine" else width.mode
