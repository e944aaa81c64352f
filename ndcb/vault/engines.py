"""A path or URL -> SQLAlchemy's engine; and what lies at a file's place, seen from outside."""

import os
import re
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from ndcb.core.terms import UserError

WAIT_SECONDS = 10
"""How long a call waits for another program's write, or for a server to answer."""
BAD_PLACE = (
    "The {}'s address cannot be used. Give a file's path, or a URL such as sqlite:///file.sqlite or"
    " postgresql://user:password@host/database, and install the URL's driver."
)


def make_engine(place: str | os.PathLike, what: str) -> Engine:
    """A path or URL -> an engine; nothing is opened yet.

    Raises UserError, which does not repeat the URL: it may hold a password.
    """
    try:
        url = _url_of(place)
        if not place or url.get_dialect().is_async:
            raise UserError(BAD_PLACE.format(what))
        return _sqlite_engine(url) if url.get_backend_name() == "sqlite" else _server_engine(url)
    except (ArgumentError, ImportError, ValueError) as error:
        raise UserError(BAD_PLACE.format(what)) from error


def _url_of(place: str | os.PathLike) -> URL:
    if "://" not in str(place):
        return URL.create("sqlite", database=os.fspath(place))
    url = make_url(place)
    # SQLAlchemy 2.0 would take psycopg2, and does not know the name postgres
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _server_engine(url: URL) -> Engine:
    options = {"connect_timeout": WAIT_SECONDS} if url.drivername == "postgresql+psycopg" else {}
    return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=options)


def _sqlite_engine(url: URL) -> Engine:
    """It has a rollback journal, no WAL, and transactions that are begun by hand.

    So the database stays one file, can be read where nothing may be written, and what is revoked
    does not live on in a log. Python's driver would begin transactions late, and none at all for
    the tables.
    """
    options = {"timeout": WAIT_SECONDS, "isolation_level": None, "check_same_thread": False}
    in_turns = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}  # one thread at a time
    pool = in_turns if _in_memory(url) else {}
    engine = create_engine(url, hide_parameters=True, connect_args=options, **pool)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begins", "BEGIN"))


def _in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")


def _set_up_sqlite(connection, _record) -> None:
    # else one damaged name hides all rows
    connection.text_factory = lambda text: text.decode(errors="replace")
    connection.execute("PRAGMA secure_delete = ON")  # what is revoked is overwritten
    connection.execute("PRAGMA foreign_keys = ON")  # what belongs to a deleted row goes with it


def place_of(url: URL) -> str | URL | None:
    """What two addresses of one database have in common; None: in memory."""
    if _in_memory(url):
        return None
    is_file = url.get_backend_name() == "sqlite"
    return os.path.realpath(url.database) if is_file else url.set(password=None)


def file_of(url: URL) -> Path | None:
    """The file of an SQLite database; None: it is in memory, or another kind of database."""
    if url.get_backend_name() != "sqlite" or _in_memory(url):
        return None
    uri = re.match("file:(?://[^/]*)?([^?#]*)", url.database) if "uri" in url.query else None
    if uri and (":memory:" in uri[1] or url.query.get("mode") == "memory"):
        return None
    return Path(unquote(uri[1]) if uri else url.database)


def is_absent(file: Path) -> bool:
    """Is nothing there yet, in a folder that is there? SQLite says what else is wrong."""
    try:
        file.stat()
    except FileNotFoundError:
        return file.parent.is_dir()
    except (OSError, ValueError):
        return False
    return False


def peek(file: Path) -> tuple[set[str], bool]:
    """An SQLite file's tables and views, and whether it keeps a write-ahead log.

    Nothing is locked or changed; an unreadable file has no tables and no log.
    """
    names, has_log = set(), False
    with suppress(OSError, ValueError), open(file, "rb") as opened:
        has_log = opened.read(20)[18:] == b"\2\2"
    address = f"file:{quote(str(file))}?mode=ro&immutable=1"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as connection:
        query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        names = {name for (name,) in connection.execute(query) if not name.startswith("sqlite_")}
    return names, has_log


def state_of(connection: Connection) -> tuple | None:
    """What changes whenever somebody writes the database; None: nothing tells.

    SQLite counts the changes of a file in its header. PostgreSQL's snapshot names every transaction
    that a reader sees.
    """
    url, name = connection.engine.url, connection.dialect.name
    if name == "postgresql":
        return (connection.exec_driver_sql("SELECT txid_current_snapshot()::text").scalar(),)
    if name == "sqlite" and _in_memory(url):
        return (connection.connection.driver_connection.total_changes,)
    file = file_of(url)
    return _state_of_file(file) if file else None


def _state_of_file(file: Path) -> tuple | None:
    with suppress(OSError, ValueError), open(file, "rb") as opened:
        header, about = opened.read(28), os.fstat(opened.fileno())
        has_log = header[18:20] == b"\2\2"
        if len(header) == 28 and not has_log:
            return header[24:], about.st_ino, about.st_size, about.st_mtime_ns
    return None


def make_private(url: URL) -> None:
    """Make a new SQLite file that only its owner can read; SQLite would ask the umask alone."""
    if file := file_of(url):
        with suppress(OSError, ValueError):  # it is there, or SQLite says why not
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
