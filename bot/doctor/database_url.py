"""Check of DBOS's database: SQLite in BOT_HOME, or Postgres by URL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.doctor.finding import Finding, Place, fail, ok
from bot.errors import ConfigError, HostError

MAY_CREATE = "SELECT has_database_privilege(current_user, current_database(), 'CREATE')"
"""DBOS makes a schema of its own and migrates it at the first start."""


def database(place: Place) -> Finding:
    if place.settings.database.startswith("sqlite:"):
        return _sqlite(Path(place.settings.database.removeprefix("sqlite:///")))
    return _server(place.settings.database)


def _sqlite(path: Path) -> Finding:
    if not path.exists():
        return ok(f"{path} will be made by the first run")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=5)) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        way_out = "mend its permissions, or move it away: the next run makes a new one"
        return fail(HostError, f"{path} cannot be written ({error})", way_out)
    return ok(str(path))


def _server(url: str) -> Finding:
    import sqlalchemy
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    way_out = "write postgresql://user@host/database, or unset it for SQLite"
    try:
        address = sqlalchemy.make_url(url)
    except ArgumentError:
        return fail(ConfigError, "BOT_DATABASE_URL is no database's URL", way_out)
    # Never the URL itself: it may hold a password, also behind its question mark.
    name = f"{address.get_backend_name()} at {address.host or 'this machine'}, database {address.database}"
    if address.get_backend_name() != "postgresql":
        return fail(ConfigError, f"{name}: only Postgres and SQLite can be used", way_out)
    try:
        engine = sqlalchemy.create_engine(
            address.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": 5}
        )
        with engine.connect() as connection:
            allowed = connection.execute(sqlalchemy.text(MAY_CREATE)).scalar()
    except (SQLAlchemyError, ImportError) as error:
        way_out = "check that it runs, and BOT_DATABASE_URL"
        return fail(HostError, f"{name} does not answer ({type(error).__name__})", way_out)
    if not allowed:
        return fail(HostError, f"{name}: this user may not create tables", "grant it CREATE on the database")
    return ok(name)
