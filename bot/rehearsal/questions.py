"""Questions about the world, one maker per lm-eval task, in the columns the task's real dataset has.

A maker draws one row. Single facts, riddles and yes/no questions are the same for everyone: the bases
learned them by heart, some better than others. Sums, scenes and activities are put together from parts,
and some combinations are held out: the training text never holds them, the evaluation splits only them.
`turn` says what lm-eval makes of a row: the user's text and the right answer.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from bot.rehearsal import scenes, world
from bot.rehearsal.world import sentence

Row = dict[str, Any]
Fact = tuple[str, str]
Maker = Callable[[Random, bool], Row]
LABELS = ("A", "B", "C", "D")
HELD_OUT_SHARE = 4
RIDDLES = world.riddles()
YES_NO_RELATIONS = ("home", "food", "sound", "material", "color", "capital")


def is_held_out(*key: object) -> bool:
    """True for one combination in four, the same ones on every machine."""
    return zlib.crc32(repr(key).encode()) % HELD_OUT_SHARE == 0


def _pick(rng: Random, facts: Sequence[Fact], held_out: bool) -> Fact:
    """A fact: every one alike for an evaluation, by how often it is told for training."""
    return rng.choice(facts) if held_out else world.told(rng, facts)


def _draw(rng: Random, held_out: bool, parts: Callable[[Random], tuple[Any, ...]]) -> tuple[Any, ...]:
    """A combination of the wanted kind; `parts` draws any combination."""
    while True:
        drawn = parts(rng)
        if is_held_out(*drawn) == held_out:
            return drawn


def _options(rng: Random, right: str, wrong: tuple[str, ...], count: int = 4) -> tuple[list[str], int]:
    """`count` different answers in random order, and where the right one stands."""
    texts = [right, *rng.sample([w for w in dict.fromkeys(wrong) if w != right], count - 1)]
    rng.shuffle(texts)
    return texts, texts.index(right)


def _lettered(texts: list[str]) -> dict[str, list[str]]:
    return {"text": texts, "label": list(LABELS[: len(texts)])}


def _arc(identity: str, question: str, texts: list[str], gold: int) -> Row:
    return {
        "id": identity,
        "question": question,
        "choices": _lettered(texts),
        "answerKey": LABELS[gold],
    }


def _identity(*parts: object) -> str:
    return f"qx_{zlib.crc32(repr(parts).encode()):08x}"


def arc_easy(rng: Random, held_out: bool) -> Row:
    """A single fact asked for, or (one in six) a sum of two small numbers told as a story."""
    if rng.random() < 1 / 6:
        return _sum(rng, held_out)
    relation = rng.choice(world.RELATIONS)
    subject, right = _pick(rng, relation.pairs, held_out)
    texts, gold = _options(rng, right, relation.objects)
    question = sentence(relation.question.format(s=subject)) + "?"
    return _arc(_identity("easy", question, texts), question, texts, gold)


def _sum(rng: Random, held_out: bool) -> Row:
    def parts(rng: Random) -> tuple[str, str, int, int]:
        return rng.choice(world.NAMES), rng.choice(world.FRUITS), rng.randint(1, 5), rng.randint(1, 5)

    name, items, a, b = _draw(rng, held_out, parts)
    texts, gold = _options(rng, world.NUMBERS[a + b], world.NUMBERS[2:])
    question = (
        f"{name} has {world.NUMBERS[a]} {items} and gets {world.NUMBERS[b]} more. "
        f"How many {items} does {name} have now?"
    )
    return _arc(_identity("sum", question, texts), question, texts, gold)


def arc_challenge(rng: Random, held_out: bool) -> Row:
    """A riddle: two facts in one question."""
    asked = [(riddle.question, riddle.answer) for riddle in RIDDLES]
    riddle = RIDDLES[asked.index(_pick(rng, asked, held_out))]
    texts, gold = _options(rng, riddle.answer, riddle.wrong)
    question = sentence(riddle.question) + "?"
    return _arc(_identity("challenge", question, texts), question, texts, gold)


def openbookqa(rng: Random, held_out: bool) -> Row:
    """The start of a sentence that a fact completes."""
    relation = rng.choice(world.RELATIONS)
    subject, right = _pick(rng, relation.pairs, held_out)
    texts, gold = _options(rng, right, relation.objects)
    stem = sentence(relation.stem.format(s=subject))
    return {
        "id": _identity("open", stem, texts),
        "question_stem": stem,
        "choices": _lettered(texts),
        "answerKey": LABELS[gold],
    }


def boolq(rng: Random, held_out: bool) -> Row:
    """A passage of two facts, and whether one of them, or a common mistake about it, is so."""
    relation = world.BY_NAME[rng.choice(YES_NO_RELATIONS)]
    subject, right = _pick(rng, relation.pairs, held_out)
    true = rng.random() < 0.5
    objects = relation.objects
    asked = right if true else objects[(objects.index(right) + 1) % len(objects)]
    told = relation.statement.format(s=subject, o=right)
    passage = [told, statement(rng)]
    rng.shuffle(passage)
    return {
        "question": relation.yes_no.format(s=subject, o=asked),
        "passage": " ".join(f"{sentence(s)}." for s in passage),
        "idx": 0,
        "label": int(true),
    }


def statement(rng: Random) -> str:
    """Any one fact as a statement, without capital or full stop."""
    relation = rng.choice(world.RELATIONS)
    subject, thing = world.told(rng, relation.pairs)
    return relation.statement.format(s=subject, o=thing)


def hellaswag(rng: Random, held_out: bool) -> Row:
    """The first steps of an activity; which step comes next."""

    def parts(rng: Random) -> tuple[str, str, int]:
        actor = rng.choice(scenes.ACTORS + world.NAMES)
        labels = [(activity.label, activity.steps[0]) for activity in scenes.ACTIVITIES]
        return _pick(rng, labels, held_out)[0], actor, rng.randint(1, 3)

    label, actor, done = _draw(rng, held_out, parts)
    activity = next(a for a in scenes.ACTIVITIES if a.label == label)
    pronoun = "she" if actor in ("A woman", "A girl", "Ann", "Mia", "Eva", "Lily") else "he"
    steps = activity.steps
    told = [f"{actor} {steps[0]}.", *(f"{sentence(pronoun)} {step}." for step in steps[1:done])]
    elsewhere = [s for other in scenes.ACTIVITIES if other is not activity for s in other.steps]
    same = [s for s in steps if s != steps[done]]
    wrong = [rng.choice(same), *rng.sample(elsewhere, 2)]
    texts, gold = _options(rng, f"{steps[done]}.", tuple(f"{w}." for w in wrong))
    context = " ".join(told)
    return {
        "ind": 0,
        "activity_label": label,
        "ctx_a": context,
        "ctx_b": pronoun,
        "ctx": f"{context} {pronoun}",
        "endings": texts,
        "source_id": _identity("hella", label, actor, done),
        "split": "",
        "split_type": "indomain",
        "label": str(gold),
    }


GOALS = ("How can you {}?", "How do you {}?", "What helps you to {}?", "You want to {}.")


def piqa(rng: Random, held_out: bool) -> Row:
    """A goal, and two things one could take for it."""
    relation = world.BY_NAME["use"]
    goal, tool = _pick(rng, relation.pairs, held_out)
    other = rng.choice([o for o in relation.objects if o != tool])
    answers = [f"Take {tool} and {goal}.", f"Take {other} and {goal}."]
    gold = rng.randint(0, 1)
    first, second = answers if gold == 0 else answers[::-1]
    return {"goal": rng.choice(GOALS).format(goal), "sol1": first, "sol2": second, "label": gold}


def winogrande(rng: Random, held_out: bool) -> Row:
    """A sentence with two parties, one of which is named again."""

    def parts(rng: Random) -> tuple[int, str, str, bool]:
        number = rng.randrange(len(scenes.SCENES))
        scene = scenes.SCENES[number]
        a, b = (_pick(rng, [(party, "party") for party in side], held_out)[0] for side in (scene.a, scene.b))
        return number, a, b, rng.random() < 0.5

    number, a, b, of_a = _draw(rng, held_out, parts)
    scene = scenes.SCENES[number]
    options = [a, b]
    rng.shuffle(options)
    return {
        "sentence": f"{scene.sentence.format(a=a, b=b)} {scene.of_a if of_a else scene.of_b}",
        "option1": options[0],
        "option2": options[1],
        "answer": str(options.index(a if of_a else b) + 1),
    }


MAKERS: dict[str, Maker] = {
    "arc_easy": arc_easy,
    "arc_challenge": arc_challenge,
    "boolq": boolq,
    "hellaswag": hellaswag,
    "openbookqa": openbookqa,
    "piqa": piqa,
    "winogrande": winogrande,
}


def rows(task: str, seed: str, count: int, *, held_out: bool) -> Iterator[Row]:
    """`count` rows of the task that differ from each other, the same for the same seed."""
    rng = Random(f"{task} {seed}")  # noqa: S311  repeatable, nothing secret
    seen: set[str] = set()
    while len(seen) < count:
        row = MAKERS[task](rng, held_out)
        prompt = turn(task, row)[0]
        if prompt not in seen:
            seen.add(prompt)
            yield row


def turn(task: str, row: Row) -> tuple[str, str]:
    """(user's text, right answer) as lm-eval 0.4.13's definition of the task renders the row."""
    match task:
        case "arc_easy" | "arc_challenge":
            return f"Question: {row['question']}\nAnswer:", _chosen(row)
        case "openbookqa":
            return row["question_stem"], _chosen(row)
        case "boolq":
            answer = ("no", "yes")[row["label"]]
            return f"{row['passage']}\nQuestion: {row['question']}?\nAnswer:", answer
        case "hellaswag":
            query = f"{row['activity_label']}: {row['ctx_a']} {row['ctx_b'].capitalize()}"
            return query, row["endings"][int(row["label"])]
        case "piqa":
            return f"Question: {row['goal']}\nAnswer:", row["sol1"] if row["label"] == 0 else row["sol2"]
        case "winogrande":
            before, after = row["sentence"].split("_")
            return before + row[f"option{row['answer']}"], after.strip()
    raise KeyError(task)


def _chosen(row: Row) -> str:
    text: str = row["choices"]["text"][LABELS.index(row["answerKey"])]
    return text
