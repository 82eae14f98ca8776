"""Whether a patched quant reads text as its base does now, and whether what was measured is still of the same
prompts. The records of the child process that reads (`tokens.py`), and the judging, which is pure."""

from __future__ import annotations

from bot.check.findings import Expected, Found, Tokens
from bot.check.repo_rules import tokenizer
from bot.records import Measurement, Record


class ReadRequest(Record, frozen=True, kw_only=True):
    """Folders of small files. `base` is the base's name, for messages."""

    base: str
    folders: tuple[str, ...]


class Side(Record, frozen=True, kw_only=True):
    """What a folder's tokenizer makes of the fixed set, and its chat template's hash as measurements keep it;
    or why it is `refused`."""

    tokens: Tokens | None = None
    chat_template_sha256: str | None = None
    refused: str = ""


class Read(Record, frozen=True, kw_only=True):
    """The sides by their folders."""

    sides: dict[str, Side]


class Tried(Record, frozen=True, kw_only=True):
    """What trying one patched quant found. `complaints`: in a sentence each, what keeps it from the Hub.

    `other_ids`: texts become other token ids than before; `other_chats`: the fixed chats are rendered
    otherwise. `chat_template_sha256` is that of the template it has now.
    """

    complaints: tuple[str, ...] = ()
    other_ids: bool = False
    other_chats: bool = False
    chat_template_sha256: str | None = None


def judge(base: Side, before: Side, after: Side) -> Tried:
    """Hold a quant with the new files (`after`) against the base at its new revision, by the rule of the
    conformance check; `before` is the quant as it stands on the Hub."""
    expected = Expected(
        tensors=None, quantization={}, bits_per_weight=None, base_files=(), tokens=base.tokens
    )
    found = Found(
        shards={}, weight_map=None, config={}, files=(), tokens=after.tokens, refused_tokens=after.refused
    )
    was, now = before.tokens, after.tokens
    return Tried(
        complaints=tuple(map(str, tokenizer(expected, found))),
        other_ids=was is None or now is None or was.ids != now.ids,
        other_chats=was is None or now is None or was.chats != now.chats,
        chat_template_sha256=after.chat_template_sha256,
    )


def outdated(measured: Measurement | None, tried: Tried) -> str:
    """What the card says of scores that another tokenizer or chat template gave; empty where they stand.

    No number changes: which prompts they are of is told until they are measured again.
    """
    if measured is None or not (measured.tasks or measured.perplexity):
        return ""
    day = f" on {measured.measured_at[:10]}" if measured.measured_at else ""
    if tried.other_ids:
        return f"the numbers on this card were measured{day} with the former tokenizer"
    asked_with = measured.chat_template_sha256 if measured.settings.templates[0] else None
    if not measured.tasks or asked_with is None:
        return ""
    if tried.chat_template_sha256 != asked_with:
        former = f"the former chat template (sha256 {asked_with[:12]})"
        return f"the scores on this card were measured{day} with {former}"
    if tried.other_chats:
        return f"the scores on this card were measured{day} with the chat template as it was rendered before"
    return ""
