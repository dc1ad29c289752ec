"""Files in: option chains as market snapshots; generated markets and sample books."""

from plimsoll.feeds.deribit_chain import STABLES, Snapshot, import_chain, list_snapshots, read_chain

__all__ = ["STABLES", "Snapshot", "import_chain", "list_snapshots", "read_chain"]
