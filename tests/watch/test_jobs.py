"""The daemon's sweeps, as the timeline tells of what is wrong with them."""

from __future__ import annotations

from pathlib import Path

from bot.journal.timeline import since
from bot.unattended.desk import Desk
from bot.unattended.jobs import Jobs
from tests.watch.conftest import Upstream


def test_a_sweep_that_does_not_come_about_ends_no_trouble_of_the_former(
    upstream: Upstream, tmp_path: Path
) -> None:
    """A mistake in the watchlist is told at its beginning and end; a repo that is not there meanwhile stays
    the trouble that it was."""
    path = tmp_path / "watchlist.yaml"
    text = f"account: me\nrecipes: [q8]\nrepos:\n  - repo: {upstream.author}/Nothing\n"
    jobs = Jobs(Desk(upstream.settings, upstream.door, upstream.journal), path, lambda: upstream.now)
    for written in (text, f"{text}nonsense: 1\n", text):
        path.write_text(written)
        jobs.sweep()

    told = [(event.subject, bool(event.data)) for event in reversed(since(upstream.journal))]
    assert told == [(f"{upstream.author}/Nothing", False), ("watching", False), ("watching", True)]
