"""An announced change of rules: how likely it makes a call of an account, and what can be done today."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from plimsoll.documents import refuse
from plimsoll.liquidation.announced import Hit, announced
from plimsoll.liquidation.passage.estimate import Estimate
from plimsoll.margin import Account, MarginModel
from plimsoll.optimise.sizing.chance import Tell, Watch
from plimsoll.optimise.sizing.remedy import Remedies, RemedyTerms
from plimsoll.optimise.sizing.remedy_search import remedies


@dataclass(frozen=True, eq=False)
class Response:
    """`hit`: requirement and health of the account at today's prices under both rule sets. `before` is the probability
    of a call were the rules to stay, `after` with the change from `day` on; `remedies` what can be done about `after`
    today.
    """

    hit: Hit
    day: float
    rules: tuple[str, str]
    before: Estimate
    after: Estimate
    remedies: Remedies

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "rules": {"before": self.rules[0], "after": self.rules[1], "day": self.day},
            "today": self.hit.to_dict(),
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "remedies": self.remedies.to_dict(),
        }


def changing(watch: Watch, rules: MarginModel, day: float) -> Watch:
    """The same watch with other rules from a day on. Raises `DocumentError` for a day after the paths end."""
    last = float(watch.paths.days[-1])
    if not 0.0 <= day <= last:
        raise refuse(
            "day", day, f"from 0 to {last:g}, the days of the paths: what is announced for later does not bind"
        )
    return replace(watch, change=(day, rules))


def respond(
    watch: Watch,
    rules: MarginModel,
    day: float,
    account: Account,
    terms: RemedyTerms,
    *,
    progress: Tell | None = None,
) -> Response:
    """What rules announced for `day` do to an account and what can be done today, ranked by cost.

    The paths should reach past the day. Raises what `announced` and `remedies` raise, and the model's reason where the
    announced rules do not take the account.
    """
    hit = announced([account], watch.market, watch.model.rules, rules.rules, lines=False).hits[0]
    if hit.after is None:
        raise refuse("announced", rules.rules.label, f"rules that take the account: {hit.refusal}")
    changed = changing(watch, rules, day)
    found = remedies(changed, account, terms, progress=progress)
    labels = (watch.model.rules.label, rules.rules.label)
    return Response(hit, day, labels, watch.course(account).chance(), found.chance, found)
