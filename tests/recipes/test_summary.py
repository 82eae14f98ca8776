"""What people read of a layout adds up to the layout."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.recipes.layout import Inventory, lay
from bot.recipes.names import all_names, parse
from bot.recipes.summary import anywhere, enhanced_layers, enhanced_share, ranges, rows
from bot.rehearsal.architectures import BY_MODEL_TYPE
from tests.recipes.test_layout import held

INVENTORIES: dict[str, Inventory] = {}


def inventory(model_type: str) -> Inventory:
    if model_type not in INVENTORIES:
        INVENTORIES[model_type] = held(json.dumps(BY_MODEL_TYPE[model_type].config))
    return INVENTORIES[model_type]


@given(st.sampled_from(sorted(BY_MODEL_TYPE)), st.sampled_from(all_names()))
def test_every_byte_and_every_parameter_stands_in_one_row(model_type: str, name: str) -> None:
    """Rows of alike modules together are the whole quant, whatever the architecture and the recipe."""
    layout = lay(parse(name), inventory(model_type))
    found = rows(layout)
    assert sum(row.bytes for row in found) == sum(tensor.nbytes for tensor in layout.tensors.values())
    assert sum(row.parameters for row in found) == layout.parameters
    assert len({(row.path, row.quantization, row.role) for row in found}) == len(found)


@given(st.sampled_from(sorted(BY_MODEL_TYPE)), st.sampled_from(all_names()))
def test_uniform_recipes_enhance_nothing_and_qx_only_where_h_is_above_d(model_type: str, name: str) -> None:
    """The share at H is a share, and there is none in a recipe of one width."""
    layout = lay(parse(name), inventory(model_type))
    uniform = not name.startswith("qx") or name[2] == name[3]
    assert (enhanced_share(layout) == 0) == uniform
    assert 0 <= enhanced_share(layout) < 1
    assert not (uniform and enhanced_layers(layout))


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([], ""),
        ([7], "7"),
        ([2, 0], "0, 2"),
        (range(36), "0-35"),
        (range(0, 36, 4), "0, 4, … 32"),
        ([0, 4, 8], "0, 4, 8"),
        ([2, 6, 10, 14, 18, 21], "2, 6, 10, 14, 18, 21"),
    ],
)
def test_layers_are_said_in_few_words(numbers: list[int], said: str) -> None:
    """Runs and periods as such, anything else number by number."""
    assert ranges(numbers) == said


def test_only_the_layers_number_is_left_out_of_a_path() -> None:
    """The expert's or block's own number stays."""
    assert anywhere("model.layers.12.mlp.experts.3.up_proj") == "model.layers.*.mlp.experts.3.up_proj"
    assert anywhere("lm_head") == "lm_head"
