"""Derive: the standard manager SRM, portfolio margin in two versions (PMRM, PMRM_2) and the liquidation auction."""

from plimsoll.margin.venues.derive.parameters import Pmrm2Parameters
from plimsoll.margin.venues.derive.pmrm1 import Pmrm1
from plimsoll.margin.venues.derive.pmrm1_parameters import Pmrm1Parameters
from plimsoll.margin.venues.derive.pmrm2 import Pmrm2
from plimsoll.margin.venues.derive.srm import Srm
from plimsoll.margin.venues.derive.srm_parameters import SrmParameters

__all__ = ["Pmrm1", "Pmrm1Parameters", "Pmrm2", "Pmrm2Parameters", "Srm", "SrmParameters"]
