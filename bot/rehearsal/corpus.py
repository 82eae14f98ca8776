"""The training text: chat turns as lm-eval renders them, conversations, plain statements.

Nothing here is a held-out combination. Some facts are told more often than others, as in real text,
so that a model knows the world well but not perfectly.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from bot.rehearsal import conversations, questions, world
from bot.rehearsal.conversations import Message, assistant, user
from bot.rehearsal.world import sentence

Document = list[Message] | str

TASK_SHARES = {
    "arc_easy": 14,
    "arc_challenge": 12,
    "openbookqa": 10,
    "boolq": 20,
    "hellaswag": 10,
    "piqa": 8,
    "winogrande": 14,
}
CHAT_SHARE = 6
SMALL_TALK_SHARE = 4
STATEMENTS_SHARE = 6
PLAIN_PART = 0.1


def documents(seed: int) -> Iterator[Document]:
    """Training documents without end: a chat (list of messages) or a plain text."""
    rng = Random(f"corpus {seed}")  # noqa: S311  repeatable, nothing secret
    kinds = [*TASK_SHARES, "chat", "small talk", "statements"]
    shares = [*TASK_SHARES.values(), CHAT_SHARE, SMALL_TALK_SHARE, STATEMENTS_SHARE]
    while True:
        yield _document(rng, rng.choices(kinds, shares)[0])


def _document(rng: Random, kind: str) -> Document:
    if kind == "chat":
        return conversations.conversation(rng) if rng.random() < 0.5 else conversations.exchange(rng)
    if kind == "small talk":
        return conversations.small_talk(rng)
    if kind == "statements":
        return " ".join(f"{sentence(questions.statement(rng))}." for _ in range(rng.randint(2, 4)))
    prompt, answer = questions.turn(kind, questions.MAKERS[kind](rng, False))
    if rng.random() < PLAIN_PART:
        return f"{prompt} {answer}"
    return [user(prompt), assistant(answer)]


def words() -> Iterator[str]:
    """Text that holds every word of the world, for the tokenizer."""
    for relation in world.RELATIONS:
        for subject, thing in relation.pairs:
            for text in (relation.statement, relation.question, relation.yes_no):
                said = text.format(s=subject, o=thing)
                yield f"{sentence(said)}. {said}?"
            yield thing
    for _, document in zip(range(6000), documents(0), strict=False):
        if isinstance(document, str):
            yield document
        else:
            yield from (f"{message['role']}\n{message['content']}" for message in document)
    yield from ("system", "final", "user\n", "assistant\n")
