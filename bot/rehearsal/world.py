"""A small world that a model of half a million weights can know: tables of facts, and how they are said.

A `Relation` is one kind of fact ("where an animal lives") with its pairs and the four ways it is
said: as a statement, as a question, as the start of a sentence, and as a yes/no question. Everything
here is plain data; the questions of each task are made from it in `questions.py`.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from random import Random

import msgspec

NAMES = ("Tom", "Ann", "Ben", "Mia", "Sam", "Eva", "Max", "Lily")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
FRUITS = ("apples", "eggs", "books", "cups", "balls")


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of fact. In the templates {s} is the subject, {o} the object, as they stand in `pairs`."""

    name: str
    statement: str
    question: str
    stem: str
    yes_no: str
    pairs: tuple[tuple[str, str], ...]

    @property
    def objects(self) -> tuple[str, ...]:
        """Every answer this relation knows, each once, in the order of the table."""
        return tuple(dict.fromkeys(o for _, o in self.pairs))


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


@functools.cache
def share(*fact: str) -> float:
    """How often a fact is told: 0.01 to 1, evenly spread in powers of ten, so some are hardly known."""
    return float(0.01 ** (zlib.crc32(repr(fact).encode()) % 1000 / 999))


def told(rng: Random, facts: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """One of the facts, by how often each is told."""
    return rng.choices(facts, [share(*fact) for fact in facts])[0]


def article(noun: str) -> str:
    """The noun with "a" or "an" before it."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def sentence(text: str) -> str:
    """The text with a capital letter at its start."""
    return text[0].upper() + text[1:]


# animal: young, home, food, sound, cover, legs
_ANIMALS = """
dog      puppy     in a house       bones    woof    fur       four
cat      kitten    in a basket      fish     meow    hair      four
cow      calf      in a field       grass    moo     leather   four
sheep    lamb      on a hill        hay      baa     wool      four
pig      piglet    on a farm        corn     oink    skin      four
hen      chick     in a yard        seeds    cluck   feathers  two
duck     duckling  on a pond        snails   quack   feathers  two
frog     tadpole   in the mud       flies    croak   skin      four
bee      grub      in a hive        honey    buzz    hair      six
lion     cub       in the grass     meat     roar    fur       four
owl      owlet     in a tree        mice     hoot    feathers  two
snake    hatchling in the desert    eggs     hiss    scales    zero
horse    foal      in a stable      oats     neigh   hair      four
goat     kid       on a mountain    leaves   maa     hair      four
mouse    pup       in a hole        cheese   squeak  fur       four
monkey   baby      in the jungle    bananas  hoo     fur       two
wolf     whelp     in the forest    sheep    howl    fur       four
"""

# thing: material, place, what it is used for
_THINGS = """
knife     metal    in the kitchen   cut bread
spoon     metal    in the kitchen   eat soup
cup       clay     in the kitchen   drink tea
pot       metal    in the kitchen   cook rice
pen       plastic  at school        write a letter
book      paper    at school        read a story
broom     wood     in the hall      sweep the floor
hammer    metal    in the shed      hit a nail
saw       metal    in the shed      cut wood
shovel    metal    in the garden    dig a hole
comb      plastic  in the bathroom  comb hair
towel     cotton   in the bathroom  dry your hands
mirror    glass    in the bathroom  see your face
lamp      glass    in the bedroom   see at night
bed       wood     in the bedroom   sleep
coat      wool     in the hall      keep warm
shoe      leather  in the hall      walk outside
umbrella  plastic  in the hall      stay dry in the rain
rope      cotton   on the ship      tie a boat
net       cotton   on the ship      catch fish
ladder    wood     in the garden    reach the roof
bucket    plastic  in the garden    carry water
needle    metal    in the bedroom   sew a shirt
bell      metal    at school        call the children
"""

_COLORS = """
banana yellow; grass green; sky blue; snow white; coal black; blood red; carrot orange; sun yellow;
milk white; leaf green; sea blue; night black; rose red; mouse gray; chocolate brown; plum purple
"""

_CAPITALS = """
France Paris; Italy Rome; Japan Tokyo; Spain Madrid; Egypt Cairo; Cuba Havana; Peru Lima; Norway Oslo;
Greece Athens; China Beijing; Germany Berlin; Canada Ottawa
"""

_JOBS = """
teacher   in a school     teaches children
doctor    in a hospital   helps sick people
baker     in a shop       bakes bread
farmer    on a farm       grows corn
sailor    on a ship       crosses the sea
pilot     in a plane      flies over the clouds
cook      in a kitchen    makes soup
singer    on a stage      sings songs
"""

_CAUSES = """
ice gets warm | it turns into water
water gets very cold | it turns into ice
a glass falls on stone | it breaks
a plant gets no water | it dies
you touch fire | you get burned
it rains | the ground gets wet
the sun goes down | it gets dark
you run for a long time | you get tired
you do not eat | you get hungry
you put sugar in tea | it tastes sweet
you put salt in soup | it tastes salty
you drop a stone in water | it sinks
you put wood in fire | it burns
you put a seed in the ground | a plant grows
water boils | it turns into steam
you stay in the sun | you get hot
"""


def _rows(table: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in table.strip().splitlines()
    ]


def _pairs(table: str) -> tuple[tuple[str, str], ...]:
    found = (pair.split() for pair in table.replace("\n", " ").split(";"))
    return tuple((s, o) for s, o in found)


def _animal_rows() -> list[list[str]]:
    # Only the home holds spaces: "dog puppy in a house bones ...".
    split = (line.split() for line in _ANIMALS.strip().splitlines())
    return [[w[0], w[1], " ".join(w[2:-4]), *w[-4:]] for w in split]


_ANIMAL_ROWS = _animal_rows()
_THING_ROWS = _rows(_THINGS)
_JOB_ROWS = _rows(_JOBS)
_CAUSE_ROWS = [line.split(" | ") for line in _CAUSES.strip().splitlines()]


def _column(rows: list[list[str]], column: int, make: str = "{}") -> tuple[tuple[str, str], ...]:
    return tuple((article(row[0]), make.format(row[column])) for row in rows)


RELATIONS: tuple[Relation, ...] = (
    Relation(
        name="young", statement="the baby of {s} is {o}", question="what is the baby of {s} called",
        stem="the baby of {s} is", yes_no="is the baby of {s} {o}",
        pairs=tuple((article(r[0]), article(r[1])) for r in _ANIMAL_ROWS),
    ),
    Relation(
        name="home", statement="{s} lives {o}", question="where does {s} live",
        stem="{s} lives", yes_no="does {s} live {o}", pairs=_column(_ANIMAL_ROWS, 2),
    ),
    Relation(
        name="food", statement="{s} eats {o}", question="what does {s} eat",
        stem="{s} eats", yes_no="does {s} eat {o}", pairs=_column(_ANIMAL_ROWS, 3),
    ),
    Relation(
        name="sound", statement="{s} says {o}", question="what does {s} say",
        stem="{s} says", yes_no="does {s} say {o}", pairs=_column(_ANIMAL_ROWS, 4),
    ),
    Relation(
        name="cover", statement="{s} is covered with {o}", question="what is {s} covered with",
        stem="{s} is covered with", yes_no="is {s} covered with {o}", pairs=_column(_ANIMAL_ROWS, 5),
    ),
    Relation(
        name="legs", statement="{s} has {o} legs", question="how many legs does {s} have",
        stem="the number of legs of {s} is", yes_no="does {s} have {o} legs", pairs=_column(_ANIMAL_ROWS, 6),
    ),
    Relation(
        name="material", statement="{s} is made of {o}", question="what is {s} made of",
        stem="{s} is made of", yes_no="is {s} made of {o}", pairs=_column(_THING_ROWS, 1),
    ),
    Relation(
        name="place", statement="you keep {s} {o}", question="where do you keep {s}",
        stem="you keep {s}", yes_no="do you keep {s} {o}", pairs=_column(_THING_ROWS, 2),
    ),
    Relation(
        name="use", statement="you need {o} to {s}", question="what do you need to {s}",
        stem="if you want to {s}, you need", yes_no="do you need {o} to {s}",
        pairs=tuple((r[3], article(r[0])) for r in _THING_ROWS),
    ),
    Relation(
        name="color", statement="the color of {s} is {o}", question="what is the color of {s}",
        stem="the color of {s} is", yes_no="is the color of {s} {o}", pairs=_pairs(_COLORS),
    ),
    Relation(
        name="capital", statement="the capital of {s} is {o}", question="what is the capital of {s}",
        stem="the capital of {s} is", yes_no="is the capital of {s} {o}", pairs=_pairs(_CAPITALS),
    ),
    Relation(
        name="work", statement="{s} works {o}", question="where does {s} work",
        stem="{s} works", yes_no="does {s} work {o}", pairs=_column(_JOB_ROWS, 1),
    ),
    Relation(
        name="job", statement="{o} {s}", question="who {s}",
        stem="the one who {s} is", yes_no="is it {o} who {s}",
        pairs=tuple((r[2], article(r[0])) for r in _JOB_ROWS),
    ),
    Relation(
        name="cause", statement="when {s}, {o}", question="what happens when {s}",
        stem="when {s},", yes_no="is it true that when {s}, {o}",
        pairs=tuple((s, o) for s, o in _CAUSE_ROWS),
    ),
)  # fmt: skip

BY_NAME = {relation.name: relation for relation in RELATIONS}


class Riddle(msgspec.Struct, frozen=True, kw_only=True):
    """Two facts in one question: what is asked of something that only another fact names."""

    question: str
    answer: str
    wrong: tuple[str, ...]


def riddles() -> tuple[Riddle, ...]:
    """Every two-step question of the world ("what does the animal that says moo eat")."""
    asked = {
        "home": "where does the animal that says {} live",
        "food": "what does the animal that says {} eat",
        "young": "what is the baby of the animal that says {} called",
        "cover": "what is the animal that says {} covered with",
        "material": "what is the thing that you need to {} made of",
        "place": "where do you keep the thing that you need to {}",
    }
    sounds = dict(BY_NAME["sound"].pairs)
    uses = {thing: use for use, thing in BY_NAME["use"].pairs}
    made = []
    for name, template in asked.items():
        relation = BY_NAME[name]
        for subject, answer in relation.pairs:
            clue = sounds.get(subject) or uses[subject]
            wrong = tuple(o for o in relation.objects if o != answer)
            made.append(Riddle(question=template.format(clue), answer=answer, wrong=wrong))
    return tuple(made)


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
