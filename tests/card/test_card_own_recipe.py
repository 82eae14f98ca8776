"""What a card says of a recipe that somebody wrote themselves."""
# ruff: noqa: E501  each sentence stands on one line, as it is said

from __future__ import annotations

import msgspec
import pytest

from bot.card.recipe_words import how_stored
from bot.card.render import render
from bot.recipes.files import of_document
from bot.recipes.names import all_names, parse
from bot.records import Recipe
from bot.review.review import review
from bot.yaml_lines import Document
from tests.card.examples import card_facts, measured
from tests.card.parsed import text_of, tokens


def own(text: str) -> Recipe:
    return of_document(Document(text.encode(), "mine.yaml"), "mine")


def card(recipe: Recipe) -> str:
    made = measured(card_facts(), about=recipe.about, stored=how_stored(recipe))
    facts = msgspec.structs.replace(made, recipe=recipe.name)
    return render(facts, review(facts)).text


FOLLOWING = """
about: qx64-hi, but for <b>the first</b> layer.
like: qx64-hi
rules:
  - {role: first layer, pattern: '', layers: {only: 0}, bits: 8}
"""


def test_a_card_tells_the_rules_of_an_own_recipe_and_its_authors_words() -> None:
    """Rules stand in the order in which they are asked; `about` stands as written, as text."""
    assert how_stored(own(FOLLOWING)) == (
        "First layer: 8 bits in layer 0.",
        "Expert routers (in a mixture of experts): 8 bits.",
        "Output head: 6 bits.",
        "Embeddings: 6 bits.",
        "Attention: 6 bits in one of every 4 layers, 4 bits in the others.",
        "Shared experts (where there are any): 6 bits in one of every 4 layers, 4 bits in the others.",
        "Data, which is everything else: 4 bits.",
        "Where several of these fit a module, the first decides.",
        "Group size 32: that many weights share one scale and one bias.",
        "Norms, biases and other tensors that are no weight matrices are not quantized.",
        "What the base itself stores quantized (where it does) stays as it is.",
    )
    shown = [text_of(token) for token in tokens(card(own(FOLLOWING))) if token.type == "inline"]
    assert "qx64-hi, but for <b>the first</b> layer." in shown
    assert "First layer: 8 bits in layer 0." in shown


def test_deckard_is_explained_only_under_its_name() -> None:
    """A recipe called otherwise is not called Deckard(qx), whatever it follows; `qx64-hi-wide` is."""
    mine = own(FOLLOWING)
    assert "Deckard" not in card(mine)
    assert "Deckard(qx)" in card(msgspec.structs.replace(mine, name="qx64-hi-wide"))


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("role: experts, pattern: '\\.experts\\.', bits: 4, mode: mxfp4",
         "Experts (modules named like \\.experts\\.): mxfp4: 4-bit floating point (E2M1), 32 weights sharing one 8-bit power-of-two scale."),
        ("role: MLP down, pattern: down_proj, layers: {first: 2, last: 1}, bits: 8",
         "MLP down (modules named like down_proj): 8 bits in the first 2 layers and the last layer."),
        ("role: attention, pattern: q_proj, layers: {every: 3, offset: 1}, bits: 6, otherwise: 4, group_size: 32",
         "Attention (modules named like q_proj): 6 bits in groups of 32 in one of every 3 layers (number 1, counted from 0), 4 bits in groups of 32 in the others."),
        ("role: head, pattern: lm_head, tied: false",
         "Head (modules named like lm_head) where the model has a head of its own: as the base has it."),
        ("role: outputs, pattern: o_proj, layers: {only: [3, 1, 2]}",
         "Outputs (modules named like o_proj): as the base has it in layers 1-3."),
        ("role: outputs, pattern: o_proj, layers: {last: 3}, otherwise: 5",
         "Outputs (modules named like o_proj): as the base has it in the last 3 layers, 5 bits in the others."),
    ],
)  # fmt: skip
def test_each_rule_is_a_sentence_that_says_where_it_holds(rule: str, says: str) -> None:
    """Pattern, layers, widths, and groups where they are not those of the last rule."""
    recipe = own(f"rules:\n- {{{rule}}}\n- {{role: rest, pattern: '', bits: 5}}")
    assert says in how_stored(recipe)
    assert "Rest, which is everything else: 5 bits." in how_stored(recipe)


def test_what_stays_a_float_is_said() -> None:
    """A recipe whose rules do not find everything says so; a built-in one finds everything."""
    unnamed = "What none of these finds stays a float."
    assert unnamed in how_stored(own("rules: [{role: experts, pattern: experts, bits: 4}]"))
    assert not any(unnamed in how_stored(parse(name)) for name in all_names())
