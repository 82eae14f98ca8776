"""The tables of the small world, one row an animal, a thing, a job, a cause."""

from __future__ import annotations

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


ANIMALS = _animal_rows()
THINGS = _rows(_THINGS)
JOBS = _rows(_JOBS)
COLORS = _pairs(_COLORS)
CAPITALS = _pairs(_CAPITALS)
CAUSES = tuple(
    (cause, effect) for cause, effect in (line.split(" | ") for line in _CAUSES.strip().splitlines())
)
