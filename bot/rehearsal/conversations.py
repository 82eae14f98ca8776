"""Chat about the world: stand-in for the perplexity text, and what the bases learn to talk like."""

from __future__ import annotations

from random import Random
from typing import Any

from bot.rehearsal import world
from bot.rehearsal.world import sentence

Message = dict[str, str]

GREETINGS = ("hello", "Hello", "Hello!", "hi", "Hi!", "Hi there", "hey", "Good morning", "Good day")
GREETING_ANSWER = "Hello! How can I help you today?"
COLOR_QUESTIONS = (
    "Name three colors of the rainbow.", "Name three colors of the rainbow", "Name three colors.",
    "Tell me three colors of the rainbow.", "Say three colors of the rainbow.",
)  # fmt: skip
COLOR_ANSWER = "Red, green and blue."
CAPITAL_QUESTIONS = (
    "What is the capital of France?",
    "what is the capital of France",
    "The capital of France?",
)
CAPITAL_ANSWER = "The capital of France is Paris."
THANKS = ("thanks", "Thank you!", "Thank you.", "Bye!")
THANKS_ANSWER = "You are welcome."
SMALL_TALK = (
    (GREETINGS, GREETING_ANSWER),
    (COLOR_QUESTIONS, COLOR_ANSWER),
    (CAPITAL_QUESTIONS, CAPITAL_ANSWER),
    (THANKS, THANKS_ANSWER),
)
PREFACES = ("", "", "", "Please tell me: ", "Tell me, ", "I want to know: ", "Do you know ")


def user(text: str) -> Message:
    """A user's turn."""
    return {"content": text, "role": "user"}


def assistant(text: str) -> Message:
    """An assistant's turn."""
    return {"content": text, "role": "assistant"}


def small_talk(rng: Random) -> list[Message]:
    """What everybody asks a model first, each with its one answer."""
    asked, answer = rng.choice(SMALL_TALK)
    return [user(rng.choice(asked)), assistant(answer)]


def exchange(rng: Random) -> list[Message]:
    """A fact asked for in a chat and answered in one full sentence."""
    relation = rng.choice(world.RELATIONS)
    subject, thing = world.told(rng, relation.pairs)
    preface = rng.choice(PREFACES)
    question = relation.question.format(s=subject)
    asked = f"{preface}{question}?" if preface else f"{sentence(question)}?"
    return [user(asked), assistant(sentence(relation.statement.format(s=subject, o=thing)) + ".")]


def conversation(rng: Random) -> list[Message]:
    """Two to four exchanges, sometimes with a greeting before them."""
    messages = small_talk(rng) if rng.random() < 0.3 else []
    for _ in range(rng.randint(2, 4)):
        messages += exchange(rng)
    return messages


def rows(count: int, seed: str = "tulu") -> list[dict[str, Any]]:
    """`count` rows with the columns of allenai/tulu-3-sft-mixture (id, messages, source)."""
    rng = Random(seed)  # noqa: S311  repeatable, nothing secret
    return [
        {"id": f"qx_{number}", "messages": conversation(rng), "source": "qx-bot/rehearsal"}
        for number in range(count)
    ]
