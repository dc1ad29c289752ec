"""Files in: option chains as market snapshots; generated markets and sample books."""

from plimsoll.feeds.deribit_chain import STABLES, Snapshot, import_chain, list_snapshots, read_chain
from plimsoll.feeds.generated import generated_market
from plimsoll.feeds.sample import sample_book

__all__ = [
    "STABLES",
    "Snapshot",
    "generated_market",
    "import_chain",
    "list_snapshots",
    "read_chain",
    "sample_book",
]
