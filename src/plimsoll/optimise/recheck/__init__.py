"""Answers checked again by what the optimiser was not asked: held-out draws, stress scenarios, the laboratory."""

from plimsoll.optimise.recheck.check import Crashes, Finding, Recheck, recheck
from plimsoll.optimise.recheck.draws import HeldOut, held_out
from plimsoll.optimise.recheck.moving import (
    joint_holdings,
    recheck_collateral,
    recheck_joint,
    refused_collateral,
    refused_joint,
    refused_until,
)
from plimsoll.optimise.recheck.placing import Placed, Stage, placed
from plimsoll.optimise.recheck.refusing import recheck_answer, recheck_placement, refused, refused_placement
from plimsoll.optimise.recheck.wallets import WalletHolding

__all__ = [
    "Crashes",
    "Finding",
    "HeldOut",
    "Placed",
    "Recheck",
    "Stage",
    "WalletHolding",
    "held_out",
    "joint_holdings",
    "placed",
    "recheck",
    "recheck_answer",
    "recheck_collateral",
    "recheck_joint",
    "recheck_placement",
    "refused",
    "refused_collateral",
    "refused_joint",
    "refused_placement",
    "refused_until",
]
