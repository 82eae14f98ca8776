"""YAML text to a tree of nodes that know their lines, within limits that no honest file reaches.

libyaml scans and parses (iteratively); the tree is built here from its events,
so that neither nesting, aliases nor sheer size can take memory or stack.
Scalars keep their text: what they mean is for the record that wants them.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import yaml

from bot.errors import ConfigError

MAX_BYTES = 2_000_000
MAX_DEPTH = 20
MAX_NODES = 100_000

_MEANT = {
    "mapping values are not allowed": "indent it under its key, or put text that holds a colon in quotes",
    "cannot start any token": "indent with spaces, not tabs; put text that starts with @, ` or % in quotes",
    "unexpected end of stream": "close the quote that is open here",
    "did not find expected ',' or": "close the bracket that is open here, with commas between the items",
    "did not find expected node content": "close the bracket that is open here, or write what is missing",
    "did not find expected '-' indicator": "indent the lines of a list alike",
    "could not find expected ':'": "write it as `key: value`, with a space after the colon",
    "did not find expected key": "indent the keys of one block alike, and close quotes",
    "undefined alias": "put text that starts with * in quotes",
    "did not find expected alphabetic": "put text that starts with * or & in quotes",
}
"""What libyaml says, and what a person most often meant."""
_CHECK = "check its indentation and quotes"


class Scalar(msgspec.Struct, frozen=True):
    """Text as written; `quoted` when it stands in quotes or in a block, and so can be nothing else."""

    line: int
    text: str
    quoted: bool


class Sequence(msgspec.Struct, frozen=True):
    line: int
    items: list[Node]


class Mapping(msgspec.Struct, frozen=True):
    """`lines` are those of the keys, `entries` what stands under them."""

    line: int
    entries: dict[str, Node]
    lines: dict[str, int]


Node = Scalar | Sequence | Mapping


def wrong(name: str, line: int, text: str) -> ConfigError:
    """`watchlist.yaml:12: what is wrong; what is meant`."""
    return ConfigError(f"{name}:{line}: {text}")


def shown(key: str) -> str:
    """A key's beginning, fit for a terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in key[:60])


def tree(data: bytes, name: str) -> Node:
    """The one document in `data`. Raises ConfigError with `name` and the line for everything that is not."""
    text = _text(data, name)
    try:
        events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        next(events)  # the start of the stream
        if isinstance(next(events), yaml.StreamEndEvent):
            raise wrong(name, 1, "the file is empty; write `key: value` lines")
        root = _Tree(events, name).node(next(events), 1, 0)
        next(events)  # the end of the document
        more = next(events)
        if not isinstance(more, yaml.StreamEndEvent):
            raise wrong(name, _line(more), "a second document starts here; take the `---` out")
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text, name) from None
    except yaml.YAMLError as error:
        raise wrong(name, 1, f"this is no YAML: {' '.join(str(error).split())[:120]}") from None
    return root


def _text(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise wrong(name, 1, f"the file has more than {MAX_BYTES} bytes; nothing here is that long")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise wrong(name, line, "this line is not UTF-8 text; save the file as UTF-8") from None
    if found := yaml.reader.Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise wrong(name, line, f"the character {found[0]!r} has no place in YAML; delete it")
    return text


def _syntax(error: yaml.MarkedYAMLError, text: str, name: str) -> ConfigError:
    problem, context = error.problem or "this is no YAML", error.context or ""
    mark = error.problem_mark or error.context_mark
    if error.context_mark and context.startswith(("while parsing a flow", "while scanning a quoted")):
        mark = error.context_mark  # where it was opened, not where its end was missed
    line = min(mark.line + 1 if mark else 1, max(1, len(text.splitlines())))
    meant = next((words for key, words in _MEANT.items() if key in problem), _CHECK)
    return wrong(name, line, f"{problem}; {meant}")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Tree:
    """Builds nodes from the events of one document."""

    def __init__(self, events: Iterator[yaml.Event], name: str) -> None:
        self.events = events
        self.name = name
        self.nodes = 0

    def node(self, event: yaml.Event, line: int, depth: int) -> Node:
        """The node that starts with `event`; an empty value stands on `line`, that of its key."""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise wrong(
                self.name, _line(event), "anchors (&) and aliases (*) are not used here; write the value out"
            )
        if getattr(event, "tag", None):
            raise wrong(self.name, _line(event), "tags (!) are not used here; leave it out")
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise wrong(self.name, _line(event), f"more than {MAX_NODES} values; split the file")
        if depth > MAX_DEPTH:
            raise wrong(
                self.name, _line(event), f"nested deeper than {MAX_DEPTH} levels; nothing here is that deep"
            )
        if isinstance(event, yaml.ScalarEvent):
            quoted = bool(event.style)
            return Scalar(_line(event) if event.value or quoted else line, event.value, quoted)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(_line(event), depth)
        return self._mapping(_line(event), depth)

    def _sequence(self, line: int, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, items[-1].line if items else line, depth + 1))
        return Sequence(line, items)

    def _mapping(self, line: int, depth: int) -> Mapping:
        entries: dict[str, Node] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, line, depth + 1)
            if not isinstance(key, Scalar):
                raise wrong(self.name, key.line, "a key must be a word; put [ ] and { } after the colon")
            if key.text in entries:
                first = lines[key.text]
                raise wrong(
                    self.name,
                    key.line,
                    f"`{shown(key.text)}` stands here a second time (first in line {first}); keep one",
                )
            lines[key.text] = key.line
            entries[key.text] = self.node(next(self.events), key.line, depth + 1)
        return Mapping(line, entries, lines)
