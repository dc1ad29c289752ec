"""What a loss of power leaves of a database: everything up to its last fsync, and anything at all of what came after.

Files are changed as they lie, with nobody running. What was synced stays byte for byte; of what was written since, some
sectors are gone, some are noise and the end may be missing. Pages of the data files that the log has to make good are
torn too: a half as it was, the other half zeros.
"""

from __future__ import annotations

import random
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ledger.servers import OWNER, PORT, Server

SECTOR = 512
FRAME = 24
HEADER = 32
AUTOMATIC = 1_000
"""Frames from which SQLite copies the log into the file of its own accord."""


@dataclass(frozen=True)
class Log:
    """The write-ahead log of SQLite: `salts` of its generation, `ends` of its whole transactions, `pages` by frame."""

    salts: bytes
    size: int
    ends: tuple[int, ...]
    pages: tuple[int, ...]

    @classmethod
    def read(cls, path: Path) -> Log:
        """The frames of the present generation; those behind them are left over from earlier ones."""
        data = path.read_bytes() if path.exists() else b""
        if len(data) < HEADER:
            return cls(b"", 4096, (), ())
        size = struct.unpack(">I", data[8:12])[0]
        salts = data[16:24]
        ends, pages, at = [], [], HEADER
        while at + FRAME + size <= len(data) and data[at + 8 : at + 16] == salts:
            number, commit = struct.unpack(">II", data[at : at + 8])
            pages.append(number)
            at += FRAME + size
            if commit:
                ends.append(at)
        return cls(salts, size, tuple(ends), tuple(pages))


def spoil(data: bytearray, start: int, end: int, choice: random.Random) -> None:
    """Of each sector between two offsets: as it is, zeros, or noise."""
    at = start
    while at < end:
        stop = min(end, (at // SECTOR + 1) * SECTOR)
        fate = choice.randrange(3)
        if fate:
            data[at:stop] = bytes(stop - at) if fate == 1 else choice.randbytes(stop - at)
        at = stop


def tear(data: bytearray, start: int, size: int, choice: random.Random) -> None:
    """One half of a page did not reach the disk."""
    half = start + choice.randrange(2) * (size // 2)
    data[half : half + size // 2] = bytes(len(data[half : half + size // 2]))


def cut_sqlite(place: Path, synced: tuple[bytes, int], choice: random.Random) -> int:
    """Lose the power under a ledger whose writer is dead; how many bytes of the log were given up.

    `synced` are the salts and the size of the log at the last commit that returned.
    """
    wal = Path(f"{place}-wal")
    log = Log.read(wal)
    salts, end = synced
    if not salts:
        return 0
    if log.salts != salts:
        # a new generation begins only when the file has all of the old one
        end = 0
    later = [e for e in log.ends if e > end]
    if later and len(log.pages) >= AUTOMATIC:
        # what is copied into the file was synced in the log before
        end = later[-1]
    data = bytearray(wal.read_bytes()) if wal.exists() else bytearray()
    lost = max(0, len(data) - end)
    spoil(data, end, len(data), choice)
    del data[choice.randrange(end, len(data) + 1) if lost else len(data) :]
    if wal.exists():
        wal.write_bytes(data)
    _tear_pages(place, log, end, choice)
    # the index of the log is memory that is shared: it is gone with the machine
    Path(f"{place}-shm").unlink(missing_ok=True)
    return lost


def _tear_pages(place: Path, log: Log, end: int, choice: random.Random) -> None:
    """Tear pages of the file that the log holds: a copy into the file may have been under way."""
    whole = [p for k, p in enumerate(log.pages) if HEADER + (k + 1) * (FRAME + log.size) <= end]
    if not whole:
        return
    file = bytearray(place.read_bytes())
    for page in set(choice.choices(whole, k=8)):
        if page * log.size <= len(file):
            tear(file, (page - 1) * log.size, log.size, choice)
    place.write_bytes(file)


SEGMENT = 16 << 20
BLOCK = 8_192


def offset_of(lsn: str) -> int:
    """A position of PostgreSQL's log, `16/B374D848`, as a number."""
    high, low = lsn.split("/")
    return (int(high, 16) << 32) | int(low, 16)


def cut_postgres(server: Server, choice: random.Random) -> int:
    """Kill a server without warning and lose the power under it; how many bytes of its log were given up.

    Another session has just written without waiting for the disk, so there is something to lose. What the server had
    synced is asked of it in the instant before.
    """
    import pg8000.dbapi

    connection = pg8000.dbapi.connect(OWNER, database="postgres", unix_sock=f"{server.folder}/.s.PGSQL.{PORT}")
    cursor = connection.cursor()
    connection.autocommit = True
    cursor.execute("CREATE TABLE IF NOT EXISTS noise (n bigint, said text)")
    cursor.execute("SELECT pg_relation_filepath(oid::regclass) FROM pg_class WHERE relname ~ '^(entries|contents)'")
    files = [row[0] for row in cursor.fetchall() if row[0]]
    cursor.execute("SET synchronous_commit = off")
    cursor.execute(f"INSERT INTO noise SELECT g, repeat('x', 500) FROM generate_series(1, {choice.randrange(400)}) g")
    cursor.execute("SELECT pg_current_wal_flush_lsn()::text")
    flushed = offset_of(cursor.fetchone()[0])
    server.kill()
    # the driver's own way of closing talks to the server that is gone
    connection._usock.close()
    return lose_log(server, flushed, files, choice)


def lose_log(server: Server, flushed: int, files: list[str], choice: random.Random) -> int:
    """Spoil the log behind `flushed`, and pages of `files` that the log before it makes good."""
    data = server.folder / "data"
    said = subprocess.run(
        [server.tools / "pg_controldata", "-D", data], capture_output=True, text=True, check=True, env={"LC_ALL": "C"},
        **server.who,
    ).stdout  # fmt: skip
    known = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in said.splitlines())}
    redo, last = (offset_of(known[f"Latest checkpoint's {n}"] if "REDO" in n else known[n]) for n in
                  ("REDO location", "Latest checkpoint location"))  # fmt: skip
    pages: list[tuple[Path, int]] = []
    for name in files:
        path = data / name
        content = path.read_bytes()
        for at in range(0, len(content) - BLOCK + 1, BLOCK):
            high, low = struct.unpack("<II", content[at : at + 8])
            lsn = (high << 32) | low
            # a page is written after its log is synced: what it says was
            flushed = max(flushed, lsn)
            if lsn > redo:
                pages.append((path, at))
    if last >= flushed:
        return 0
    lost = 0
    for segment in sorted((data / "pg_wal").glob("[0-9A-F]" * 24)):
        high, low = int(segment.name[8:16], 16), int(segment.name[16:], 16)
        start = (high << 32) + low * SEGMENT
        if start + SEGMENT <= flushed:
            continue
        content = bytearray(segment.read_bytes())
        begin = max(0, flushed - start)
        end = max((k for k in range(begin, len(content), BLOCK) if any(content[k : k + 64])), default=begin) + BLOCK
        end = min(end, len(content))
        spoil(content, begin, end, choice)
        _same_owner(segment, bytes(content))
        lost += end - begin
    for path, at in choice.sample(pages, min(8, len(pages))):
        content = bytearray(path.read_bytes())
        tear(content, at, BLOCK, choice)
        _same_owner(path, bytes(content))
    return lost


def _same_owner(path: Path, content: bytes) -> None:
    with open(path, "r+b") as file:
        file.write(content)
