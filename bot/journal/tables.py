"""The journal's tables. Times are Unix seconds; JSON columns hold records as `bot.records.to_json` writes
them.

A newer bot may add tables and columns with a default; it never changes what one means (an older worker of a
fleet may still run). `VERSION` rises with a change that an older bot must not meet.
"""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Index, Integer, MetaData, String, Table, Text

VERSION = 1

metadata = MetaData()

version = Table("qx_version", metadata, Column("version", Integer, primary_key=True))

repo = Table(
    "qx_repo",
    metadata,
    Column("repo", String(200), primary_key=True),
    Column("sha", String(64), nullable=False, default=""),
    Column("standing", String(20), nullable=False, default="present"),
    Column("renamed_to", String(200)),
    Column("revision", JSON),
    Column("waiting", JSON),
    Column("last_modified", String(40), nullable=False, default=""),
    Column("seen_at", Float, nullable=False, default=0.0),
)
"""A watched upstream repo. `sha`: the commit that a look or listing showed last; `revision`: the
BaseRevision taken up last (made, planned, refused or found to change nothing); `waiting`: the sweep's
Waiting, None when nothing waits; `standing`: present, renamed or gone (deleted or made private)."""

listing = Table(
    "qx_listing",
    metadata,
    Column("author", String(100), primary_key=True),
    Column("etag", String(200), nullable=False, default=""),
    Column("newest", String(40), nullable=False, default=""),
    Column("read_at", Float, nullable=False, default=0.0),
    Column("full_at", Float, nullable=False, default=0.0),
)
"""An author's listing: its entity tag for conditional requests, the newest change it showed, when it was
read last and when it was last read whole."""

plan = Table(
    "qx_plan",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("repo", String(200), nullable=False, index=True),
    Column("sha", String(64), nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("created_at", Float, nullable=False),
    Column("decided_at", Float),
    Column("decided_by", String(100)),
    Column("run", String(400)),
    Column("proposal", JSON, nullable=False),
)
"""A proposal (`bot.plan.proposal.Proposal`) and what became of it: waiting, approved, refused, started,
superseded or over."""

published = Table(
    "qx_published",
    metadata,
    Column("repo", String(200), primary_key=True),
    Column("account", String(100), nullable=False, index=True),
    Column("origin", String(20), nullable=False),
    Column("base", String(200), nullable=False, default="", index=True),
    Column("recipe", String(60), nullable=False, default=""),
    Column("sha", String(64), nullable=False, default=""),
    Column("private", Integer, nullable=False, default=0),
    Column("read_at", Float, nullable=False, default=0.0),
    Column("adopted", JSON),
    Column("trouble", JSON),
)
"""A repo of the account as it was read last: made here, adopted (measured by somebody else) or foreign;
`adopted` is its `bot.adopt.adopted.Adopted`, `trouble` what the nightly re-read found."""

event = Table(
    "qx_event",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("subject", String(400), nullable=False, default="", index=True),
    Column("text", Text, nullable=False, default=""),
    Column("data", JSON),
)
"""The timeline: one line an event, for the page, `bot history`, notifications and the digest. Bounded."""

delivery = Table(
    "qx_delivery",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("at", Float, nullable=False, index=True),
)
"""Webhook deliveries that were taken, so that none is taken twice. Bounded."""

notice = Table(
    "qx_notice",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("at", Float, nullable=False, index=True),
)
"""Notifications that were sent, so that none is sent twice. Bounded."""

worker = Table(
    "qx_worker",
    metadata,
    Column("executor", String(100), primary_key=True),
    Column("host", String(200), nullable=False, default=""),
    Column("tags", JSON, nullable=False, default=list),
    Column("memory_bytes", Float, nullable=False, default=0.0),
    Column("facts", JSON),
    Column("beat_at", Float, nullable=False, default=0.0),
)
"""An executor that takes work: what it is good for and when it last said that it lives."""

Index("qx_event_kind_at", event.c.kind, event.c.at)
Index("qx_repo_sha", repo.c.sha)
Index(
    "qx_repo_open",
    repo.c.repo,
    sqlite_where=repo.c.waiting.isnot(None),
    postgresql_where=repo.c.waiting.isnot(None),
)
