"""Files in: option chains as snapshots, bars and rates as histories; generated markets and sample books."""

from plimsoll.feeds.bars import BarReport, Bars, read_bars
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.feeds.deribit_chain import STABLES, Snapshot, import_chain, list_snapshots, read_chain
from plimsoll.feeds.funding import Levels, read_dvol, read_funding
from plimsoll.feeds.generated import generated_market
from plimsoll.feeds.marks import MarkReport, mark_errors, mark_report
from plimsoll.feeds.sample import sample_book
from plimsoll.feeds.sample_exotics import sample_exotics

__all__ = [
    "STABLES",
    "BarReport",
    "Bars",
    "Levels",
    "MarkReport",
    "Snapshot",
    "demo_account",
    "demo_market",
    "generated_market",
    "import_chain",
    "list_snapshots",
    "mark_errors",
    "mark_report",
    "read_bars",
    "read_chain",
    "read_dvol",
    "read_funding",
    "sample_book",
    "sample_exotics",
]
