"""Monitors of a running engine: pure readings of its state, one subject a file."""

from plimsoll.live.monitors.coverage import Coverage, CoverageWatch
from plimsoll.live.monitors.density import Density
from plimsoll.live.monitors.manipulation import SourceBooks
from plimsoll.live.monitors.readings import SUBJECTS, Readings, read
from plimsoll.live.monitors.rule import MonitorRule

__all__ = ["SUBJECTS", "Coverage", "CoverageWatch", "Density", "MonitorRule", "Readings", "SourceBooks", "read"]
