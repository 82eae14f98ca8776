"""What the page shows now: the last good card, what is wrong since then, and the published card.

The only part that remembers anything. Its methods may be called from several threads.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from bot.card.board import Board, board
from bot.card.facts import Facts
from bot.card.preview import published as published_card
from bot.card.preview.build import Figure, Page, build
from bot.card.preview.changes import Diff, diff
from bot.card.preview.metadata_box import Field
from bot.card.preview.published import ASKING, EXAMPLE, Published
from bot.card.preview.source import Door, Known, Source, load
from bot.card.preview.trouble import Trouble, trouble
from bot.card.template_folder import standard
from bot.errors import BotError, ConfigError, NotFound
from bot.records import Record

Draw = Callable[[Facts, Board], Sequence[Figure]]
"""Draws the figures of a card: `bot.card.figures.figures`."""

ASK_AGAIN = 30.0
"""Seconds after which a reloaded page asks the Hub again for the published card."""

LAST_WAIT = 5.0
"""Seconds for which the end of the preview waits for a rendering."""


class CardShown(Record, frozen=True, kw_only=True):
    """The last good card. `repo` is its whole name, `took` how many seconds it took to render."""

    repo: str
    template: str
    title: str
    html: str
    markdown: str
    metadata: tuple[Field, ...]
    rendered_at: str
    took: float


class State(Record, frozen=True, kw_only=True):
    """Everything the page draws, as it fetches it. `version` counts the changes of it."""

    version: int
    facts: str
    example: bool
    card: CardShown | None = None
    trouble: Trouble | None = None
    published: Published = ASKING
    changes: Diff | None = None


class Preview:
    """One card under edit. `templates` is the account's own folder, `account` owns it by default."""

    def __init__(
        self,
        source: Source,
        door: Door,
        draw: Draw,
        *,
        templates: Path | None = None,
        account: str | None = None,
        template: str | None = None,
    ) -> None:
        self.source = source
        self.templates = templates
        self._door, self._draw = door, draw
        self._account, self._template = account, template
        self._lock = threading.RLock()
        self._rendering = threading.Lock()
        self._from_hub: Known | None = None
        self._drawn: tuple[Facts, tuple[Figure, ...]] | None = None
        self._page: Page | None = None
        self._asked: tuple[str | None, float] | None = None
        self._state = State(version=0, facts=source.label, example=source.example)

    @property
    def state(self) -> State:
        return self._state

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of templates, the account's own first."""
        return (*((self.templates,) if self.templates else ()), standard())

    def figure(self, address: str) -> bytes | None:
        """The picture at an address that the card's HTML names."""
        return self._page.figures.get(address) if self._page else None

    def refresh(self) -> None:
        """Read the facts (a file's again) and render. What is wrong stands beside the last good card."""
        with self._rendering:
            begun = time.perf_counter()
            try:
                page = self._built()
            except BotError as error:
                self._change(trouble=trouble(error, self._readable))
            except Exception as error:  # noqa: BLE001  the page outlives a fault of the bot's own
                traceback.print_exc()
                told = f"a fault of qx-bot itself, {type(error).__name__}: {error}; the terminal says more"
                self._change(trouble=Trouble(sentence=told))
            else:
                self._show(page, time.perf_counter() - begun)

    def ask(self) -> None:
        """Ask the Hub for the published card, unless it was asked a moment ago for the same repo.

        Returns at once; a Hub that does not answer is waited for in the background.
        """
        page = self._page
        if page is None:
            return
        with self._lock:
            now = time.monotonic()
            if self._asked and self._asked[0] == page.facts.repo and now - self._asked[1] < ASK_AGAIN:
                return
            self._asked = (page.facts.repo, now)
        threading.Thread(target=self._ask, args=(page.facts,), daemon=True).start()

    def close(self) -> None:
        """Let a rendering end that is under way, and begin none any more.

        A thread that is drawing must not meet the interpreter's end: the drawing library then aborts. Facts
        that a Hub does not give are waited for no longer than LAST_WAIT.
        """
        self._rendering.acquire(timeout=LAST_WAIT)

    @property
    def _readable(self) -> tuple[Path, ...]:
        return (*self.folders, *((self.source.file,) if self.source.file else ()))

    def _built(self) -> Page:
        known = self._known()
        if self._template:
            known = replace(known, facts=replace(known.facts, template=self._template))
        return build(known, self.templates, self._figures(known.facts))

    def _known(self) -> Known:
        """Facts from the Hub are fetched once: they do not change while a template is edited."""
        if self.source.file is not None:
            return load(self.source, self._door, self._account)
        if self._from_hub is None:
            self._from_hub = load(self.source, self._door)
        return self._from_hub

    def _figures(self, facts: Facts) -> tuple[Figure, ...]:
        """Drawn only when the facts are others than before: that takes longer than all the rest."""
        if self._drawn is None or self._drawn[0] != facts:
            self._drawn = (facts, tuple(self._draw(facts, board(facts))))
        return self._drawn[1]

    def _show(self, page: Page, took: float) -> None:
        self._page = page
        shown = CardShown(
            repo=page.facts.full_name,
            template=page.template,
            title=page.title,
            html=page.html,
            markdown=page.text,
            metadata=page.metadata,
            rendered_at=datetime.now().astimezone().strftime("%H:%M:%S"),
            took=took,
        )
        self._change(card=shown, trouble=None)
        self.ask()

    def _ask(self, facts: Facts) -> None:
        found = EXAMPLE if self.source.example else published_card.published(facts, self._door)
        if self._page is None or self._page.facts.repo == facts.repo:  # a late answer about another repo
            self._change(published=found)

    def _change(self, **changes: object) -> None:
        with self._lock:
            state = replace(self._state, version=self._state.version + 1, **changes)
            old, now = state.published.text, state.card.markdown if state.card else None
            found = diff(old, now) if old is not None and now is not None else None
            self._state = replace(state, changes=found)


def check(source: Source, templates: Path | None) -> None:
    """Raises what cannot be mended while the page is open, because it could not be watched.

    That is NotFound for a file of facts that is missing, ConfigError for an own folder that is none.
    """
    if source.file is not None and not source.file.is_file():
        raise NotFound(f"{source.label} is not there: give --facts a file of facts, or a quant as owner/name")
    if templates is not None and not templates.is_dir():
        raise ConfigError(f"{templates} is no folder of templates: create it, or unset BOT_TEMPLATES")
