"""The default waterfall: who pays what a default has cost, in order, to the last unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from plimsoll.liquidation.waterfall.adl import deleveraged
from plimsoll.liquidation.waterfall.documents import Holding, Layer, VenueState
from plimsoll.liquidation.waterfall.shares import divided

Source = Literal["own_margin", Layer]
VENUE = "venue"


@dataclass(frozen=True)
class Payment:
    """`units` that `payer` pays for the default of `defaulter` in a layer."""

    layer: Source
    payer: str
    defaulter: str
    units: int


@dataclass(frozen=True)
class Closed:
    """`lots` of an instrument, above zero, closed at the mark between a defaulter and an opposite holder."""

    instrument: str
    defaulter: str
    holder: str
    lots: int


@dataclass(frozen=True)
class Outcome:
    """What a default did: payments in order, positions closed against others, and who has what afterwards.

    `bad_debt` is, for each defaulter, what nobody paid; it stands as negative equity. All money is in units.
    """

    venue: VenueState
    payments: tuple[Payment, ...]
    closed: tuple[Closed, ...]
    after: VenueState
    bad_debt: dict[str, int]
    owed: int

    def paid(self, layer: Source) -> int:
        """Units that a layer paid."""
        return sum(p.units for p in self.payments if p.layer == layer)

    @property
    def layers(self) -> tuple[Source, ...]:
        """The own margin and the venue's layers, in the order in which they pay."""
        return ("own_margin", *self.venue.order)

    @property
    def left_open(self) -> dict[str, dict[str, int]]:
        """Lots that members in default still hold afterwards, signed, by member and instrument.

        Those whose debts the funds have paid before `adl`, and what nobody opposite held. Whoever stands behind them
        bears what these gain and lose from here on, until they are closed.
        """
        failed = {m.name for m in self.venue.members if m.deficit}
        return {
            m.name: {i: h.lots for i, h in sorted(m.positions.items()) if h.lots}
            for m in self.after.members
            if m.name in failed and any(h.lots for h in m.positions.values())
        }

    @property
    def deleveraging_cost(self) -> dict[str, int]:
        """What each payer outside the funds lost, by name: deleveraged and socialised, in units."""
        found: dict[str, int] = {}
        for p in self.payments:
            if p.layer in ("adl", "socialised"):
                found[p.payer] = found.get(p.payer, 0) + p.units
        return found

    @property
    def broken_hedges(self) -> dict[str, int]:
        """By how much the worst scenario loss of deleveraged accounts rose, in units, where it did."""
        after = {m.name: m for m in self.after.members}
        rises: dict[str, int] = {}
        for m in self.venue.members:
            if any(c.holder == m.name for c in self.closed):
                lots = [{i: h.lots for i, h in x.positions.items()} for x in (m, after[m.name])]
                rise = self.venue.requirement(lots[1]) - self.venue.requirement(lots[0])
                if rise > 0:
                    rises[m.name] = rise
        return rises

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "currency": self.venue.currency,
            "decimals": self.venue.decimals,
            "owed": self.owed,
            "layers": {layer: self.paid(layer) for layer in self.layers},
            "payments": [vars(p) for p in self.payments],
            "closed": [vars(c) for c in self.closed],
            "bad_debt": self.bad_debt,
            "broken_hedges": self.broken_hedges,
            "left_open": self.left_open,
            "after": self.after.to_dict(),
        }


@dataclass
class _Run:
    venue: VenueState
    equity: dict[str, int]
    shares: dict[str, int]
    positions: dict[str, dict[str, Holding]]
    capital: int
    insurance: int
    owing: dict[str, int]
    failed: frozenset[str]
    payments: list[Payment] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)

    def pay(self, layer: Source, payer: str, defaulter: str, units: int) -> None:
        if units:
            self.payments.append(Payment(layer, payer, defaulter, units))
            self.owing[defaulter] -= units

    def defaulters(self) -> list[str]:
        return [n for n in sorted(self.owing) if self.owing[n]]

    def common(self, layer: Layer, payer: str, available: int) -> int:
        """A pot pays all defaulters in proportion to what they owe; what is left of it."""
        owing = {n: self.owing[n] for n in self.defaulters()}
        parts = divided(min(available, sum(owing.values())), owing, owing)
        for name, units in parts.items():
            self.pay(layer, payer, name, units)
        return available - sum(parts.values())

    def from_each(self, layer: Layer, weights: dict[str, int], defaulter: str, total: int) -> dict[str, int]:
        """Several payers in proportion to their weights, none beyond it; what each pays."""
        parts = divided(min(total, sum(weights.values())), weights, weights)
        for payer, units in parts.items():
            self.pay(layer, payer, defaulter, units)
        return parts


def waterfall(venue: VenueState) -> Outcome:
    """Who pays for the defaults of a venue, layer after layer in its `order`, in whole units.

    ```
    own margin       the defaulter's equity, as far as its loss goes
    fund_share       the defaulter's own part of the fund
    venue_capital    the venue's own capital, for all defaulters in proportion to what they still owe
    insurance_fund   the same
    mutual_fund      the other members' parts of the fund, in proportion to them
    adl              what it still holds is closed at the mark against opposite holders, who pay what it owes
    socialised       members with profits on open positions, in proportion to them, none beyond its profit or equity
    ```

    Who is deleveraged follows `ranking`. They pay in proportion to the value closed, none beyond its equity: together
    that is a close at the price at which the defaulter has exactly nothing. What is then left open because nobody in
    good standing holds the other side is closed at the mark among members in default, without a payment. A member
    whose debts were paid before `adl` is not deleveraged: `Outcome.left_open` says what it still holds.

    Every unit owed is paid once or is bad debt; lots are closed in pairs, so that as many stay long as short. More
    owed never means less paid by anybody in a layer before `adl`, nor by the layers together. Neither the order of the
    members nor that of simultaneous defaults changes anything.
    """
    members = {m.name: m for m in venue.members}
    run = _Run(
        venue,
        equity={n: m.equity - m.loss for n, m in members.items()},
        shares={n: m.fund_share for n, m in members.items()},
        positions={n: dict(m.positions) for n, m in members.items()},
        capital=venue.venue_capital,
        insurance=venue.insurance_fund,
        owing={n: m.deficit for n, m in members.items()},
        failed=frozenset(n for n, m in members.items() if m.deficit),
    )
    owed = sum(m.loss + max(0, -m.equity) for m in members.values())
    for name in sorted(members):
        own = min(members[name].loss, max(0, members[name].equity))
        if own:
            run.payments.append(Payment("own_margin", name, name, own))
    for layer in venue.order:
        _LAYERS[layer](run)
    for name in run.failed:
        run.equity[name] = -run.owing[name]
    after = _after(venue, run)
    return Outcome(
        venue, tuple(run.payments), tuple(run.closed), after, {n: run.owing[n] for n in run.defaulters()}, owed
    )


def _own_share(run: _Run) -> None:
    for name in run.defaulters():
        part = min(run.shares[name], run.owing[name])
        run.shares[name] -= part
        run.pay("fund_share", name, name, part)


def _capital(run: _Run) -> None:
    run.capital = run.common("venue_capital", VENUE, run.capital)


def _insurance(run: _Run) -> None:
    run.insurance = run.common("insurance_fund", VENUE, run.insurance)


def _mutual(run: _Run) -> None:
    others = {n: s for n, s in run.shares.items() if n not in run.failed}
    owing = {n: run.owing[n] for n in run.defaulters()}
    total = min(sum(others.values()), sum(owing.values()))
    for defaulter, units in divided(total, owing, owing).items():
        for payer, part in run.from_each("mutual_fund", others, defaulter, units).items():
            others[payer] -= part
            run.shares[payer] -= part


def _deleverage(run: _Run) -> None:
    asked = run.defaulters()
    for defaulter in asked:
        standing = {n: p for n, p in run.positions.items() if n not in run.failed and run.equity[n] > 0}
        value: dict[str, int] = {}
        for instrument, held in sorted(run.positions[defaulter].items()):
            taken = deleveraged(run.venue, instrument, held.lots, standing, run.equity)
            for holder, lots in taken.items():
                run.closed.append(Closed(instrument, defaulter, holder, lots))
                value[holder] = value.get(holder, 0) + lots * run.venue.prices[instrument]
                _reduce(run.positions[holder], instrument, lots)
                _reduce(run.positions[defaulter], instrument, lots)
        caps = {n: run.equity[n] for n in value}
        for payer, units in divided(run.owing[defaulter], value, caps).items():
            run.pay("adl", payer, defaulter, units)
            run.equity[payer] -= units
    _cross(run, asked)


def _cross(run: _Run, asked: list[str]) -> None:
    """What is left of those who were to be deleveraged, against whatever else members in default hold opposite."""
    for defaulter in asked:
        for instrument, held in sorted(run.positions[defaulter].items()):
            left = held.lots
            for other in sorted(run.failed - {defaulter}):
                opposite = run.positions[other].get(instrument)
                if left == 0 or opposite is None or opposite.lots * left >= 0:
                    continue
                lots = min(abs(left), abs(opposite.lots))
                run.closed.append(Closed(instrument, defaulter, other, lots))
                _reduce(run.positions[defaulter], instrument, lots)
                _reduce(run.positions[other], instrument, lots)
                left -= lots if left > 0 else -lots


def _socialise(run: _Run) -> None:
    for defaulter in run.defaulters():
        profits = {
            n: min(run.equity[n], max(0, sum(h.profit for h in p.values())))
            for n, p in run.positions.items()
            if n not in run.failed and run.equity[n] > 0
        }
        for payer, units in run.from_each("socialised", profits, defaulter, run.owing[defaulter]).items():
            run.equity[payer] -= units


def _reduce(positions: dict[str, Holding], instrument: str, lots: int) -> None:
    """Close `lots` of a position at the mark; its profit is taken along in proportion, the whole with the last lot."""
    held = positions[instrument]
    side = 1 if held.lots > 0 else -1
    left = held.lots - side * lots
    if left:
        positions[instrument] = Holding(lots=left, profit=held.profit * abs(left) // abs(held.lots))
    else:
        del positions[instrument]


def _after(venue: VenueState, run: _Run) -> VenueState:
    members = tuple(
        m.model_copy(
            update={
                "equity": run.equity[m.name],
                "loss": 0,
                "fund_share": run.shares[m.name],
                "positions": run.positions[m.name],
            }
        )
        for m in venue.members
    )
    return venue.model_copy(update={"members": members, "venue_capital": run.capital, "insurance_fund": run.insurance})


_LAYERS = {
    "fund_share": _own_share,
    "venue_capital": _capital,
    "insurance_fund": _insurance,
    "mutual_fund": _mutual,
    "adl": _deleverage,
    "socialised": _socialise,
}
