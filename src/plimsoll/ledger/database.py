"""One engine for both databases: what makes a commit durable, who may write, and the tables brought up to date."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.documents import refuse
from plimsoll.ledger.errors import LedgerError, UnavailableError, sqlalchemy

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

LOCK = 0x706C696D736F6C6C
"""The advisory lock of PostgreSQL that a writer holds: "plimsoll" in ASCII."""

BUSY_SECONDS = 30.0

REVISION = "0001"
"""The revision of the tables that this release writes; a test holds it to the migrations."""

READING = "plimsoll_reading"
"""The option of a connection that only reads, and so keeps no writer waiting."""


def url_of(place: str | Path) -> Any:
    """The address of a ledger: a file of SQLite, or `postgresql://...`, which is spoken through pg8000.

    `?host=/folder` or `?unix_sock=/folder/.s.PGSQL.5432` is a socket.
    """
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    text = str(place)
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except ArgumentError:
        raise refuse("ledger", text, "a file, or postgresql://user@host/database") from None
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        return url
    if url.drivername not in ("postgresql", "postgresql+pg8000"):
        raise refuse("ledger", url.drivername, "a file, or postgresql://user@host/database")
    query = dict(url.query)
    folder = query.pop("host", None)
    if folder is not None:
        query["unix_sock"] = f"{folder}/.s.PGSQL.{url.port or 5432}"
    return url.set(drivername="postgresql+pg8000", query=query)


def engine_of(place: str | Path, *, create: bool) -> Engine:
    """An engine whose commits are durable when they return.

    SQLite: WAL, `synchronous=FULL`, every transaction takes the write lock at its start. PostgreSQL:
    `synchronous_commit=on`, and a server that runs with `fsync=off` is refused. Raises `LedgerError` for a file that is
    not there, unless `create`.
    """
    library = sqlalchemy()
    url = url_of(place)
    if url.get_backend_name() == "sqlite":
        if not create and not Path(url.database or "").is_file():
            raise refuse("ledger", url.database, "a ledger that is there")
        engine = library.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        library.event.listen(engine, "connect", _on_sqlite)
        if create:
            library.event.listen(engine, "connect", _write_ahead)
        library.event.listen(engine, "begin", _begin_immediate)
    else:
        engine = library.create_engine(url, pool_pre_ping=False, isolation_level="READ COMMITTED")
        library.event.listen(engine, "connect", _on_postgres)
    return engine  # type: ignore[no-any-return]


def _on_sqlite(connection: Any, _record: Any) -> None:
    # SQLAlchemy begins, not the driver, which would begin late and without the lock
    connection.isolation_level = None
    # bytes that are no text must be read to be named
    connection.text_factory = lambda data: data.decode("utf-8", "backslashreplace")
    cursor = connection.cursor()
    for pragma in ("synchronous=FULL", "fullfsync=ON", "checkpoint_fullfsync=ON"):
        cursor.execute(f"PRAGMA {pragma}").fetchall()
    cursor.close()


def _write_ahead(connection: Any, _record: Any) -> None:
    # kept in the file, so that a ledger which is only read stays as it is
    connection.execute("PRAGMA journal_mode=WAL").fetchall()


def _begin_immediate(connection: Connection) -> None:
    reading = connection.get_execution_options().get(READING)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _on_postgres(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SET synchronous_commit = on")
    cursor.execute("SHOW fsync")
    (fsync,) = cursor.fetchone()
    cursor.close()
    connection.commit()
    if fsync != "on":
        connection.close()
        raise refuse("ledger", f"a server with fsync={fsync}", "a server with fsync=on: else no commit is durable")


@contextmanager
def told() -> Iterator[None]:
    """What the database could not do, as one of our errors."""
    from sqlalchemy.exc import DatabaseError, InterfaceError

    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        raise UnavailableError(f"the database of the ledger: {_first_line(error)}") from error
    except UnicodeError as error:  # a damaged file, whose names are no text any more
        raise UnavailableError(f"the database of the ledger: a file that is damaged ({error})") from error
    except OSError as error:  # pg8000 hands on what its socket says
        raise UnavailableError(f"the database of the ledger: {error}") from error


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision. Raises `LedgerError` where they are of a newer release."""
    if _revision(engine) == REVISION:
        return  # Alembic takes a third of a second to say so
    try:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"the ledger needs {error.name}, which is not installed: pip install 'plimsoll-margin[ledger]'"
        ) from None
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with told(), engine.begin() as connection:
        lock(connection)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise LedgerError(f"the tables of the ledger are not of this release: {error}") from None


def _revision(engine: Engine) -> str | None:
    """The revision of the tables, `None` where there are none."""
    library = sqlalchemy()
    with told(), engine.connect() as connection:
        if "alembic_version" not in library.inspect(connection).get_table_names():
            return None
        rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    return ", ".join(str(row[0]) for row in rows)


def lock(connection: Connection) -> None:
    """Be the only writer until the transaction ends."""
    if connection.dialect.name == "postgresql":
        library = sqlalchemy()
        connection.execute(library.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def settle_folder(engine: Engine) -> None:
    """Make the names of the files of SQLite durable too: its commits say nothing of the folder."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return
    folder = os.open(Path(engine.url.database).resolve().parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
