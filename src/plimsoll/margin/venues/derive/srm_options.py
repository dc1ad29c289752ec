"""The options of one expiry under SRM: the better of isolated margins and the greatest loss at settlement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.margin.venues.derive.srm_parameters import OptionTerms

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Legs:
    """`K` options of one expiry: `call`, `strike` (USD), `amount` (coins, signed) and `mtm` (value of the amount)."""

    call: npt.NDArray[np.bool_]
    strike: F64
    amount: F64
    mtm: F64


@dataclass(frozen=True, eq=False)
class Branch:
    """What one of the two margins comes to: both candidates (never above zero) and the chosen one leg by leg.

    `shares[K]` add up to `value`, the larger of `isolated` and `max_loss`; the isolated one on a tie.
    """

    isolated: float
    max_loss: float
    shares: F64

    @property
    def kind(self) -> str:
        """`isolated` or `max_loss`."""
        return "isolated" if self.isolated >= self.max_loss else "max_loss"

    @property
    def value(self) -> float:
        """Margin of the expiry, at most zero."""
        return max(self.isolated, self.max_loss)


@dataclass(frozen=True)
class ExpiryMargin:
    """Both margins of an expiry and the settlement price of its greatest loss (the lowest such price)."""

    initial: Branch
    maintenance: Branch
    worst_price: float


def isolated_margins(terms: OptionTerms, legs: Legs, spot: float) -> tuple[F64, F64]:
    """Initial and maintenance margin `[K]` of each leg alone, at most zero; a long option needs none.

    With `out = max(K - S, 0) / S` (call) or `max(S - K, 0) / S` (put) and `q = max(max_req - out, min_req)`, a short
    amount `a < 0` keeps `mtm + q S a`; a put never less than its maintenance margin times `mm_offset_scale`.
    """
    a, s = legs.amount, spot
    out = np.maximum(np.where(legs.call, legs.strike - s, s - legs.strike), 0.0) / s
    initial = legs.mtm + np.maximum(terms.max_spot_req - out, terms.min_spot_req) * s * a
    of_put = np.minimum(terms.mm_put_spot_req * s * a, terms.mm_put_mtm_req * legs.mtm)
    maintenance = legs.mtm + np.where(legs.call, terms.mm_call_spot_req * s * a, of_put)
    initial = np.where(legs.call, initial, np.minimum(initial, maintenance * terms.mm_offset_scale))
    short = a < 0.0
    return np.where(short, initial, 0.0), np.where(short, maintenance, 0.0)


def settlement_loss(legs: Legs) -> tuple[float, F64]:
    """The settlement price of the greatest loss among zero and the strikes, and the payoff `[K]` of each leg there.

    The lowest such price on a tie; where no price loses, zero payoff and the price with the least gain.
    """
    prices = np.unique(np.append(legs.strike, 0.0))
    above = prices[None, :] - legs.strike[:, None]
    payoff = legs.amount[:, None] * np.maximum(np.where(legs.call[:, None], above, -above), 0.0)
    total = payoff.sum(axis=0)
    worst = int(np.argmin(total))
    losing = bool(total[worst] < 0.0)
    return float(prices[worst]), payoff[:, worst] if losing else np.zeros(len(legs.amount))


def expiry_margin(terms: OptionTerms, legs: Legs, spot: float, forward: float) -> ExpiryMargin:
    """Initial and maintenance margin of one expiry; the unpaired add-on charges net short calls on the forward."""
    price, payoff = settlement_loss(legs)
    calls = np.where(legs.call, legs.amount, 0.0)
    unpaired = calls * forward if float(calls.sum()) < 0.0 else np.zeros(len(calls))
    initial, maintenance = isolated_margins(terms, legs, spot)
    return ExpiryMargin(
        initial=_branch(initial, payoff + terms.unpaired_im_scale * unpaired),
        maintenance=_branch(maintenance, payoff + terms.unpaired_mm_scale * unpaired),
        worst_price=price,
    )


def _branch(isolated: F64, loss: F64) -> Branch:
    alone, together = float(isolated.sum()), float(loss.sum())
    return Branch(alone, together, isolated if alone >= together else loss)
