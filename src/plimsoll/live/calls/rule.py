"""How calls are operated: the policy, whose deadline counts, and what a leap of the clock does to one."""

from __future__ import annotations

from typing import ClassVar

from plimsoll.documents import Document, Positive
from plimsoll.liquidation.calls import CallPolicy
from plimsoll.margin import MarginModel


class CallRule(Document):
    """The policy of the calls of an engine.

    The deadline of a call is `policy.deadline_hours` after it was raised, by the clock of the events, unless the pack
    of the rules has a margin period that states how long a call may take: then that. A clock that leaps by more than
    `clock_step_hours` was down: nobody could be told or could pay, so the deadlines that are running move by what the
    leap is beyond it. Accounts below their maintenance margin are handed over all the same.
    """

    SCHEMA: ClassVar[str] = "plimsoll.call-rule"

    policy: CallPolicy = CallPolicy()
    clock_step_hours: Positive = 6.0


def in_force(rule: CallRule, model: MarginModel) -> tuple[CallPolicy, str]:
    """The policy with the deadline that holds under a model, and whose that is."""
    period = getattr(getattr(model.parameters, "liquidity", None), "period", None)
    hours = getattr(period, "call", None)
    if isinstance(hours, int | float) and hours > 0.0:
        return rule.policy.model_copy(update={"deadline_hours": float(hours)}), f"{model.rules.label}, margin period"
    return rule.policy, "the operator's policy"
