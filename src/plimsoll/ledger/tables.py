"""The two tables of a ledger: the chain, and the documents that its records hold by hash."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table, UniqueConstraint

METADATA = MetaData()

ENTRIES = Table(
    "entries",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(120), nullable=False),
    Column("stream", String(120), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("time", String(40), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("stream", "position", name="entries_stream_position"),
)

CONTENTS = Table(
    "contents",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
