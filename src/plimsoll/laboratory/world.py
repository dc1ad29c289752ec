"""The inputs of one cascade put side by side, and what accounts are worth and asked for at a mark."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.kernels import account_worst, step_rows
from plimsoll.laboratory.depth import DepthBook
from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.instruments import Catalogue, Worth
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.laboratory.policy import Asked, Past
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.laboratory.state import State
from plimsoll.scenarios.stress_path import StressPath

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

ROOM = 2.0**60
"""Units that all positions together may be worth."""
MOST = 2.0**62


class World:
    """Fleet, path, liquidity and venue, checked against each other; nothing here changes.

    Raises `DocumentError` for an underlying that the path or the liquidity lacks, a collateral currency that has
    neither a peg nor a price, a haircut on a currency in which contracts settle, or a currency without account.
    """

    def __init__(self, fleet: FleetArrays, path: StressPath, liquidity: Liquidity, venue: CascadeVenue) -> None:
        self.fleet, self.path, self.liquidity, self.venue = fleet, path, liquidity, venue
        self.underlyings = fleet.underlyings
        for u in self.underlyings:
            if u not in path.underlyings:
                raise refuse("path.underlyings", list(path.underlyings), f"{u} too, which the fleet holds")
            if u not in liquidity.underlyings:
                raise refuse("liquidity.underlyings", sorted(liquidity.underlyings), f"{u} too, which the fleet holds")
        if fleet.currencies[0] != venue.currency or fleet.decimals[0] != venue.decimals:
            got = f"{fleet.currencies[0]} with {fleet.decimals[0]} decimals"
            raise refuse("fleet.currencies[0]", got, f"{venue.currency} with {venue.decimals}, as the venue counts")
        self.unit = 10.0**venue.decimals
        at = [path.underlyings.index(u) for u in self.underlyings]
        first = np.array([fleet.prices[u] for u in self.underlyings])
        self.outside: F64 = first * path.price[:, at]
        self.vol: F64 = np.ascontiguousarray(path.vol[:, at])
        self.depth: F64 = np.ascontiguousarray(path.depth[:, at])
        self._currencies()
        place = {u: k for k, u in enumerate(self.underlyings)}
        money = {c: k for k, c in enumerate(fleet.currencies)}
        self.settle: I64 = np.array(
            [money[i.underlying] if i.kind == "inverse" else 0 for i in fleet.instruments], dtype=np.int64
        )
        coin = 10.0 ** np.array(fleet.decimals, dtype=np.float64)
        self.catalogue = Catalogue(
            fleet.instruments,
            np.array([place[i.underlying] for i in fleet.instruments], dtype=np.int64),
            coin[self.settle],
            self.unit,
        )
        self.minutes = path.step_seconds / 60.0
        self._fits()
        self.owner: I64 = np.repeat(np.arange(fleet.accounts), np.diff(fleet.indptr))

    def _fits(self) -> None:
        """All positions together at their dearest must leave room in whole numbers for what forced orders add."""
        dearest = self.catalogue.worth(self.outside.max(axis=0), self.vol.max(axis=0), 0.0)
        largest = np.maximum(np.abs(dearest.price), dearest.size).astype(np.float64)
        gross = float((np.abs(self.fleet.lots.astype(np.float64)) * largest[self.fleet.indices]).sum())
        if gross > ROOM:
            usd = gross / self.unit
            raise refuse(
                "fleet.lots", f"positions of {usd:.3g} in all", f"at most {ROOM / self.unit:.3g}: fewer decimals"
            )

    def fresh_books(self) -> list[DepthBook]:
        """Order books as they are before anything happens."""
        return [DepthBook(self.liquidity.underlyings[u], self.liquidity.makers) for u in self.underlyings]

    def _currencies(self) -> None:
        """Where each currency's price comes from: a peg of the path, a mark, or one for the venue's own."""
        fleet, path, venue = self.fleet, self.path, self.venue
        self.peg = np.ones((path.steps + 1, len(fleet.currencies)))
        self.coin = np.full(len(fleet.currencies), -1, dtype=np.int64)
        self.kept = np.ones(len(fleet.currencies))
        for c, name in enumerate(fleet.currencies):
            if name in path.currencies:
                self.peg[:, c] = path.peg[:, path.currencies.index(name)]
            elif name in self.underlyings:
                self.coin[c] = self.underlyings.index(name)
            elif c:
                got = ", ".join(path.currencies) or "none"
                raise refuse("path.currencies", got, f"{name} too, which is collateral, or an underlying of that name")
            self.kept[c] = 1.0 - venue.haircuts.get(name, 0.0)
        if (self.peg[:, 0] <= 0.0).any():
            raise refuse("path.peg", 0.0, f"a price above zero for {fleet.currencies[0]}, in which the venue counts")
        settling = {i.underlying for i in fleet.instruments if i.kind == "inverse"}
        for name in venue.haircuts:
            if name not in fleet.currencies:
                raise refuse(f"haircuts.{name}", name, f"a currency of the fleet ({', '.join(fleet.currencies)})")
            if name in settling or name == venue.currency:
                raise refuse(f"haircuts.{name}", venue.haircuts[name], "none for a currency in which contracts settle")

    def days(self, step: int) -> float:
        """Since the start."""
        return step * self.path.step_seconds / 86_400.0

    def rates(self, step: int, mark: F64) -> F64:
        """Units of the venue's currency for one unit of each currency `[C]`, before haircuts."""
        usd = self.peg[step].copy()
        coins = self.coin >= 0
        usd[coins] = mark[self.coin[coins]]
        decimals = np.array(self.fleet.decimals, dtype=np.float64)
        found: F64 = usd / usd[0] * 10.0 ** (decimals[0] - decimals)
        found[0] = 1.0
        return found

    def base(self, cash: I64, rate: F64) -> I64:
        """What the cash of accounts is worth to the venue, units `[A]`, each currency rounded down."""
        total = cash[:, 0].copy()
        for c in range(1, cash.shape[1]):
            amount = cash[:, c].astype(np.float64)
            total += np.floor(np.where(amount > 0.0, amount * self.kept[c], amount) * rate[c]).astype(np.int64)
        return total

    def past(self, marks: F64, lots: I64, step: int) -> Past:
        """What a policy is told at `step`, of `marks[T + 1, U]` nothing later; none of it can be written to."""
        fleet, now = self.fleet, self.catalogue.worth(marks[step], self.vol[step], self.days(step))
        known, held, notional = marks[: step + 1].view(), lots.view(), now.size / self.unit
        for array in (known, held, notional):
            array.flags.writeable = False
        each = self.path.step_seconds
        return Past(step, step * each, each, self.underlyings, known, fleet.indptr, fleet.indices, held, notional)

    def stand(self, state: State, asked: Asked, step: int, mark: F64, now: Worth, threads: int | None) -> Standing:
        """Equity and both lines of every account at the marks."""
        fleet, n = self.fleet, self.catalogue.underlying
        equity, charge = step_rows(
            fleet.indptr,
            fleet.indices,
            state.lots,
            self.base(state.cash, self.rates(step, mark)),
            now.usd,
            now.size,
            asked.ends[n] * self.unit,
            asked.maintenance[n],
            threads=threads,
        )
        if asked.columns is not None:
            if (self.coin >= 0).any():
                raise refuse("rates.columns", "scenario columns", "tiers alone where a currency is a coin")
            pnl = self.catalogue.columns(mark, self.vol[step], self.days(step), *asked.columns)
            worst, _ = account_worst(fleet.indptr, fleet.indices, state.lots.astype(np.float64), pnl, threads=threads)
            charge = charge + np.maximum(worst, 0.0)
        more = np.asarray(asked.addon, dtype=np.float64) * self.unit
        line = np.minimum(np.ceil(asked.scalar * charge + more), MOST).astype(np.int64)
        red = line if asked.grace <= 0.0 else np.minimum(np.ceil(charge + more), MOST).astype(np.int64)
        return Standing(equity, line, red)


class Standing:
    """Units `[A]`: what each account has at the marks, the line of maintenance and the one below it."""

    def __init__(self, equity: I64, line: I64, red: I64) -> None:
        self.equity, self.line, self.red = equity, line, red
