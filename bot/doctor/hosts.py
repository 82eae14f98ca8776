"""`bot doctor --hosts`: the workers on this database, who lives and who runs what."""

from __future__ import annotations

from bot import engine
from bot.fleet import dispatch
from bot.fleet.commands import who_lives
from bot.fleet.worker import Worker
from bot.records import Record
from bot.settings import Settings


class Host(Record, frozen=True, kw_only=True):
    """One worker. `alive`: somebody holds its lock; `silent_seconds` since its last beat; `runs`: what it
    executes, or left behind."""

    executor: str
    host: str
    tags: tuple[str, ...]
    memory_bytes: int
    alive: bool
    silent_seconds: float
    runs: tuple[str, ...] = ()


def look(settings: Settings) -> list[Host]:
    """Everybody seen in the last days, the living first. Raises NotFound when nothing ever ran on this
    database, HostError when it is out of reach."""
    with engine.client(settings) as client:
        running = dispatch.running_on(dispatch.unfinished(client))
    known, alive, now = who_lives(settings)
    found = [_host(one, one.executor in alive, now, tuple(running.get(one.executor, ()))) for one in known]
    return sorted(found, key=lambda host: (not host.alive, host.executor))


def _host(one: Worker, alive: bool, now: float, runs: tuple[str, ...]) -> Host:
    return Host(
        executor=one.executor,
        host=one.host,
        tags=one.tags,
        memory_bytes=one.memory_bytes,
        alive=alive,
        silent_seconds=max(0.0, now - one.beat_at),
        runs=runs,
    )
