"""What people do in the small world, step by step, and scenes in which one of two parties is meant."""

from __future__ import annotations

import msgspec


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Something people do in a fixed order of steps (third person, no subject, no full stop)."""

    label: str
    steps: tuple[str, str, str, str]


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence with two parties {a} and {b}, and how it ends for each: what such a one is like."""

    sentence: str
    of_a: str
    of_b: str
    a: tuple[str, ...]
    b: tuple[str, ...]


ACTIVITIES: tuple[Activity, ...] = tuple(
    Activity(label=label, steps=(a, b, c, d))
    for label, a, b, c, d in (
        ("Making tea", "boils water", "puts tea in a cup", "pours the water into the cup", "drinks the tea"),
        ("Washing hands", "opens the tap", "wets both hands", "rubs soap on both hands", "dries both hands"),
        ("Sending a letter", "takes a pen", "writes a letter", "puts the letter in a box", "waits for news"),
        ("Going to bed", "puts on night clothes", "brushes all teeth", "turns off the lamp", "falls asleep"),
        (
            "Baking bread",
            "mixes flour and water",
            "makes the dough round",
            "heats the bread",
            "eats the bread",
        ),
        ("Planting a tree", "digs a hole", "puts the tree in the hole", "fills the hole", "waters the tree"),
        ("Catching fish", "takes a net", "throws the net in the sea", "pulls the net up", "sells the fish"),
        (
            "Painting a wall",
            "opens the paint",
            "dips the brush",
            "moves the brush on the wall",
            "lets it dry",
        ),
        ("Sewing a shirt", "cuts the cloth", "takes a needle", "sews the cloth", "wears the shirt"),
        ("Reading a book", "finds a book", "opens the book", "reads the first page", "closes the book"),
        ("Riding a horse", "brushes the horse", "climbs on the horse", "rides to the hill", "climbs down"),
        (
            "Making a fire",
            "brings dry wood",
            "puts the wood on stones",
            "lights the wood",
            "sits by the fire",
        ),
    )
)
ACTORS = ("A man", "A woman", "A boy", "A girl")

_BIG = ("horse", "bed", "ladder", "boat", "table", "tree", "door", "cow")
_SMALL = ("cup", "bag", "box", "bucket", "pot", "shoe", "basket", "spoon")
_HARD = ("hammer", "stone", "saw", "shovel", "bell", "knife", "bucket", "pot")
_WEAK = ("lamp", "window", "cup", "mirror", "egg", "glass", "plate", "clock")
_FAST = ("horse", "wolf", "lion", "dog", "train", "plane", "car", "cat")
_SLOW = ("snail", "cow", "pig", "frog", "bike", "cart", "boat", "duck")
_GROWN = ("doctor", "teacher", "farmer", "cook", "man", "woman", "sailor", "pilot")
_YOUNG = ("boy", "girl", "baby", "kid", "child", "puppy", "kitten", "lamb")
SCENES: tuple[Scene, ...] = tuple(
    Scene(sentence=sentence, of_a=of_a, of_b=of_b, a=a, b=b)
    for sentence, of_a, of_b, a, b in (
        ("The {a} does not fit in the {b} because the _", "is too big.", "is too small.", _BIG, _SMALL),
        ("The {b} was too small for the {a} because the _", "was very big.", "was not big.", _BIG, _SMALL),
        ("The {a} broke the {b} because the _", "is very hard.", "is very weak.", _HARD, _WEAK),
        ("The {b} fell on the {a} and now the _", "is fine.", "is broken.", _HARD, _WEAK),
        ("The {a} was ahead of the {b} because the _", "was fast.", "was slow.", _FAST, _SLOW),
        ("The {b} came after the {a} because the _", "was early.", "was late.", _FAST, _SLOW),
        ("The {a} helped the {b} because the _", "was strong.", "needed help.", _GROWN, _YOUNG),
        ("The {b} asked the {a} a question because the _", "knew a lot.", "knew little.", _GROWN, _YOUNG),
    )
)
"""Winogrande's way: "_" stands where one of the two parties is named again."""
