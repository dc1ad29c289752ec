"""Margin calls: the policy, the life of a call along a path, and the smallest set of closes that brings an account
back."""

from plimsoll.liquidation.calls.bench import ModelBench, walked
from plimsoll.liquidation.calls.call import CallReport, Close, PoolCall, called
from plimsoll.liquidation.calls.closes import Bench, Closes, Look, exact, smallest
from plimsoll.liquidation.calls.life import Closing, Course, Life, Tally, lived, tallied
from plimsoll.liquidation.calls.machine import Command, Done, Event, Record, Seen, Standing, State, owed, step
from plimsoll.liquidation.calls.policy import CallPolicy

__all__ = [
    "Bench",
    "CallPolicy",
    "CallReport",
    "Close",
    "Closes",
    "Closing",
    "Command",
    "Course",
    "Done",
    "Event",
    "Life",
    "Look",
    "ModelBench",
    "PoolCall",
    "Record",
    "Seen",
    "Standing",
    "State",
    "Tally",
    "called",
    "exact",
    "lived",
    "owed",
    "smallest",
    "step",
    "tallied",
    "walked",
]
