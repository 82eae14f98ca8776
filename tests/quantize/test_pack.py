"""Packing on all cores: every bit as `mx.quantize` gives it, whatever the weights hold, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.quantize import microscale
from bot.quantize import pack as module
from bot.quantize.pack import pack
from bot.recipes.recipe import FIXED_MODES, GROUP_SIZES, WIDTHS
from bot.records import Quantization

DTYPES = (mx.bfloat16, mx.float16, mx.float32)
FLOATING = [
    Quantization(bits=bits, group_size=size, mode=mode)  # type: ignore[arg-type]
    for mode, (bits, size) in FIXED_MODES.items()
]
MXFP4, NVFP4 = (next(q for q in FLOATING if q.mode == mode) for mode in ("mxfp4", "nvfp4"))
AFFINE = [Quantization(bits=bits, group_size=size) for bits in WIDTHS for size in GROUP_SIZES]
Bits = np.typing.NDArray[np.unsignedinteger]


@pytest.fixture
def in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few thousand weights are packed as millions are."""
    monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(module, "BLOCK", 1 << 10)


@pytest.fixture(autouse=True)
def probed_again() -> Iterator[None]:
    """What a test does to the probe ends with it."""
    yield
    microscale.agrees.cache_clear()


def unsigned(array: mx.array) -> mx.array:
    return array.view({1: mx.uint8, 2: mx.uint16, 4: mx.uint32}[array.itemsize])


def assert_same(weight: mx.array, quantization: Quantization) -> None:
    """Shapes, types and bits (NaN included) of `pack` and of `mx.quantize`."""
    mx.eval(weight)
    said = quantization
    wanted = mx.quantize(weight, group_size=said.group_size, bits=said.bits, mode=said.mode)
    given = pack(weight, quantization)
    assert [(part.shape, part.dtype) for part in given] == [(part.shape, part.dtype) for part in wanted]
    for ours, theirs in zip(given, wanted, strict=True):
        assert mx.array_equal(unsigned(ours), unsigned(theirs)).item()


def weights(bits: Bits, dtype: mx.Dtype) -> mx.array:
    return mx.array(bits.astype(np.uint32 if dtype == mx.float32 else np.uint16)).view(dtype)


@st.composite
def bit_patterns(draw: st.DrawFn, dtype: mx.Dtype, shape: tuple[int, ...]) -> mx.array:
    """Groups of about one magnitude with few or many digits, some weights drawn from all there are."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    small, large = draw(st.sampled_from([(-3, 3), (-12, 2), (-130, 127), (-149, -100)]))
    exponents = rng.integers(small, large + 1, (*shape[:-1], shape[-1] // 16)).repeat(16, axis=-1)
    digits = draw(st.sampled_from([1, 2, 3, 7, 24]))
    mantissas = np.round(rng.normal(size=shape) * 2.0**digits) / 2.0**digits
    numbers = np.ldexp(mantissas, exponents).clip(-3e38, 3e38).astype(np.float32)
    bits = np.array(unsigned(mx.array(numbers).astype(dtype)))
    wild = rng.random(shape) < draw(st.sampled_from([0, 0, 0.001, 0.1]))
    bits[wild] = rng.integers(0, 1 << 8 * bits.itemsize, wild.sum(), dtype=bits.dtype)
    still = rng.random(shape[:-1]) < draw(st.sampled_from([0, 0.3]))
    bits[still] = draw(st.sampled_from([0, 1 << 8 * bits.itemsize - 1]))  # zeros, negative zeros
    return weights(bits, dtype)


SHAPES = st.one_of(
    st.tuples(st.integers(1, 40), st.integers(1, 9)),
    st.tuples(st.integers(1, 6), st.integers(1, 20), st.integers(1, 9)),
)


@pytest.mark.usefixtures("in_small_blocks")
@pytest.mark.parametrize("quantization", FLOATING, ids=lambda q: q.mode)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_any_floats_are_packed_as_mlx_packs_them(dtype: mx.Dtype, quantization: Quantization) -> None:
    """Zeros, subnormals, ties, huge values, infinities and NaN in any shape: the same bits in all modes."""

    @settings(max_examples=120, deadline=None)
    @given(st.data(), SHAPES)
    def run(data: st.DataObject, shape: tuple[int, ...]) -> None:
        assert_same(data.draw(bit_patterns(dtype, (*shape[:-1], shape[-1] * 32))), quantization)

    run()


@pytest.mark.usefixtures("in_small_blocks")
@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(DTYPES), st.sampled_from(AFFINE), SHAPES)
def test_any_floats_are_packed_with_biases_as_well(
    data: st.DataObject, dtype: mx.Dtype, quantization: Quantization, shape: tuple[int, ...]
) -> None:
    """Affine at every width and group size: the same codes, scales and biases, whatever the floats."""
    assert_same(data.draw(bit_patterns(dtype, (*shape[:-1], shape[-1] * 128))), quantization)


@pytest.mark.usefixtures("in_small_blocks")
@pytest.mark.parametrize("quantization", [MXFP4, NVFP4], ids=lambda q: q.mode)
@pytest.mark.parametrize("dtype", [mx.bfloat16, mx.float16], ids=str)
def test_every_number_gives_the_scale_of_its_group(dtype: mx.Dtype, quantization: Quantization) -> None:
    """Each of the 65536 bit patterns as the only weight of a group: NaN, infinities and subnormals too."""
    groups = np.zeros((1 << 16, quantization.group_size), np.uint32)
    groups[:, 5] = np.arange(1 << 16)
    assert_same(weights(groups, dtype).reshape(-1, 64), quantization)


@pytest.mark.usefixtures("in_small_blocks")
@pytest.mark.parametrize("quantization", [MXFP4, NVFP4], ids=lambda q: q.mode)
@pytest.mark.parametrize("dtype", [mx.bfloat16, mx.float16], ids=str)
@pytest.mark.parametrize("largest", [6.0, 4.03, 5.9, 448.0, 2688.0, 0.0333, 0.0132, 0.0059, 9e-5, 65000.0])
def test_every_number_gives_its_code(dtype: mx.Dtype, quantization: Quantization, largest: float) -> None:
    """Each bit pattern of a magnitude up to a group's largest, of both signs, beside that largest one."""
    top = int(np.array(unsigned(mx.array([largest], dtype)))[0])
    others = np.concatenate([np.arange(top + 1), np.arange(top + 1) + 0x8000])
    size = quantization.group_size - 1
    others = np.resize(others, (others.size // size // 4 * 4 + 4, size))
    groups = np.concatenate([np.full((len(others), 1), top), others], axis=1)
    assert_same(weights(groups.astype(np.uint32), dtype).reshape(-1, 64), quantization)


@pytest.mark.parametrize("exponent", [-126, -120, -20, -9, -2, 0, 1, 12, 120])
@pytest.mark.parametrize("quantization", [MXFP4, NVFP4], ids=lambda q: q.mode)
def test_ties_and_their_neighbours(exponent: int, quantization: Quantization, in_small_blocks: None) -> None:
    """Halfway between two codes, and one float32 before and after, scaled by any power of two."""
    ties = np.array([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, 6.0, 0.125, 0.0], np.float32)
    near = np.concatenate([np.nextafter(ties, np.float32(0)), ties, np.nextafter(ties, np.float32(9))])
    row = np.concatenate([[6.0], near[near <= 6], [-6.0], -near[near <= 6]]).astype(np.float32)
    rows = np.ldexp(np.stack([np.resize(row, 64), np.resize(row[::-1], 64)]), exponent)
    assert_same(mx.array(rows), quantization)


@pytest.mark.parametrize("quantization", [*FLOATING, *AFFINE[::4]], ids=lambda q: f"{q.mode}{q.bits}")
@pytest.mark.parametrize("shape", [(1100, 1024), (3, 520, 768), (2, 1, 300_032), (900, 20, 64)], ids=str)
def test_a_large_weight_is_packed_as_in_one_piece(shape: tuple[int, ...], quantization: Quantization) -> None:
    """Matrices, stacked experts large and small, rows longer than a block: cut anywhere, packed the same."""
    if shape[-1] % quantization.group_size == 0:
        assert_same(mx.random.normal(shape, key=mx.random.key(1)).astype(mx.bfloat16), quantization)


@pytest.mark.parametrize("quantization", [MXFP4, NVFP4, AFFINE[6]], ids=lambda q: q.mode)
def test_a_transposed_weight_is_packed_as_a_copy_of_it(quantization: Quantization) -> None:
    """Experts that a model's sanitize step turned on their side lie across memory and are read right."""
    experts = mx.random.normal((4, 512, 320), key=mx.random.key(2)).astype(mx.float16)
    mx.eval(experts)
    assert_same(experts.swapaxes(-1, -2), quantization)


@pytest.mark.parametrize("quantization", [*FLOATING, AFFINE[-1]], ids=lambda q: q.mode)
def test_memory_does_not_grow_with_the_weight(quantization: Quantization) -> None:
    """Beside 64 MB of weights and what they give, less than 64 MB; `mx.quantize` takes up to 1.3 GB."""
    weight = mx.random.normal((4096, 4096)).astype(mx.float32)
    mx.eval(weight)
    pack(weight[:128], quantization)
    mx.clear_cache()
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    given = sum(part.nbytes for part in pack(weight, quantization))
    assert mx.get_peak_memory() - before - given < 64 << 20


@pytest.mark.parametrize("quantization", [MXFP4, NVFP4], ids=lambda q: q.mode)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_this_mlx_is_known_and_weights_are_seldom_left_to_it(
    dtype: mx.Dtype, quantization: Quantization
) -> None:
    """The faster way is the one taken: for weights of any usual magnitude, and for zeros, it is sure."""
    assert microscale.agrees(quantization.mode, dtype)
    weight = mx.random.normal((64, 512)) * mx.power(2.0, mx.arange(-24, 8, 0.5)[:, None])
    weight[7] = 0
    assert microscale.quantize(weight.astype(dtype), quantization.mode)[2].item()


@pytest.mark.parametrize("quantization", [MXFP4, NVFP4], ids=lambda q: q.mode)
def test_another_mlx_is_asked_itself(
    quantization: Quantization, in_small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where MLX packs the probe otherwise than the faster way does, MLX packs."""
    monkeypatch.setattr(microscale, "ZERO_POINT", microscale.ZERO_POINT + 1)
    microscale.agrees.cache_clear()
    weight = mx.random.normal((64, 512), key=mx.random.key(3)).astype(mx.bfloat16)
    assert_same(weight, quantization)
    assert not microscale.agrees(quantization.mode, mx.bfloat16)


@pytest.mark.parametrize("rows", [4, 40_000])
def test_what_mlx_refuses_is_refused(rows: int) -> None:
    """Columns that no group divides, and integers, are a ValueError for small weights and large ones."""
    with pytest.raises(ValueError, match="divisible"):
        pack(mx.zeros((rows, 48)), MXFP4)
    with pytest.raises(ValueError, match="floating"):
        pack(mx.zeros((rows, 64), mx.int32), AFFINE[1])
