"""Trades, placement over accounts and rule sets, and collateral, in one program."""

from plimsoll.optimise.joint.answer import Combination, JointAccount, JointAnswer
from plimsoll.optimise.joint.arrival import JointUntilArrival, joint_held, joint_until_arrival
from plimsoll.optimise.joint.order import Steps
from plimsoll.optimise.joint.solve import joint

__all__ = [
    "Combination",
    "JointAccount",
    "JointAnswer",
    "JointUntilArrival",
    "Steps",
    "joint",
    "joint_held",
    "joint_until_arrival",
]
