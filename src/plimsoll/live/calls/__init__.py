"""Margin calls in operation: the life of a call of `plimsoll.liquidation.calls`, driven by the events of an engine."""

from plimsoll.live.calls.desk import CallDesk, CallsReading, OpenCall
from plimsoll.live.calls.rule import CallRule
from plimsoll.live.calls.step import CallStep, Cause, StepKind

__all__ = ["CallDesk", "CallRule", "CallStep", "CallsReading", "Cause", "OpenCall", "StepKind"]
