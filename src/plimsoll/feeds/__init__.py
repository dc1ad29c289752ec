"""Files in: option chains as market snapshots; generated markets, sample books and the demonstration's book."""

from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.feeds.deribit_chain import STABLES, Snapshot, import_chain, list_snapshots, read_chain
from plimsoll.feeds.generated import generated_market
from plimsoll.feeds.marks import MarkReport, mark_errors, mark_report
from plimsoll.feeds.sample import sample_book
from plimsoll.feeds.sample_exotics import sample_exotics

__all__ = [
    "STABLES",
    "MarkReport",
    "Snapshot",
    "demo_account",
    "demo_market",
    "generated_market",
    "import_chain",
    "list_snapshots",
    "mark_errors",
    "mark_report",
    "read_chain",
    "sample_book",
    "sample_exotics",
]
