"""Derive: portfolio margin PMRM_2."""

from plimsoll.margin.venues.derive.parameters import Pmrm2Parameters
from plimsoll.margin.venues.derive.pmrm2 import Pmrm2

__all__ = ["Pmrm2", "Pmrm2Parameters"]
