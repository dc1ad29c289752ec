"""Binance USD-margined futures: brackets of notional with a cumulative deduction.

Source: venues-cex sections 3.1 and 3.2, own words. Rule codes `BINANCE-UM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from collections.abc import Iterable

from plimsoll.contracts import Contract, Future, Perpetual, Settlement
from plimsoll.documents import Name, Part, Positive
from plimsoll.margin.components import weakest
from plimsoll.margin.parts.futures import TieredFutures
from plimsoll.margin.parts.legs import Legs, Unit
from plimsoll.margin.parts.tiers import TierTable
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure
from plimsoll.margin.venues.binance.liquidation import Liquidation, clearance_fee
from plimsoll.margin.venues.binance.liquidation_price import shown_prices
from plimsoll.margin.venues.binance.procedure import BinanceProcedure


class BracketParameters(Part):
    """Brackets by symbol, sizes in the settlement currency; `default_leverage` where none was chosen.

    `liquidation` may be left out, as in a pack that was made of a table of brackets alone.
    """

    default_leverage: Positive
    symbols: dict[Name, TierTable]
    liquidation: Liquidation | None = None


class Bracketed(TieredFutures):
    """What both kinds of Binance futures have in common: brackets by symbol, counted in the settlement currency."""

    PARAMETERS = BracketParameters
    parameters: BracketParameters

    def rule(self, contract: Contract) -> tuple[str, TierTable, Unit] | None:
        """See `TieredFutures.rule`: by the contract's name, by what its name begins with, else by pair."""
        symbol = bracket_symbol(contract, self.parameters.symbols, self.settlement)
        return None if symbol is None else (f"symbols.{symbol}", self.parameters.symbols[symbol], "notional")

    @property
    def settlement(self) -> Settlement:
        """How the contracts of these rules settle."""
        return Settlement.LINEAR

    def listed(self) -> str:
        """See `TieredFutures.listed`."""
        return f"{self.settlement} futures and perpetuals of " + some_of(self.parameters.symbols)

    @property
    def default_leverage(self) -> float | None:
        """See `TieredFutures.default_leverage`."""
        return self.parameters.default_leverage

    def procedure(self, assumed: Assumed = SUPPOSED) -> Procedure | None:
        """See `MarginModel.procedure`; none where the pack holds brackets alone."""
        rules = self.parameters.liquidation
        if rules is None:
            return None
        symbols, settlement = self.parameters.symbols, self.settlement
        evidence = weakest(self.rules, ["liquidation"])
        return BinanceProcedure(rules, lambda c: bracket_symbol(c, symbols, settlement), evidence)

    def further_workings(self, legs: Legs, balance: float) -> dict[str, float]:
        """The liquidation price that the venue shows for each contract, USD; none where it shows dashes.

        Where the pack has its rate also the fee of closing the whole position by force at the mark.
        """
        shown = {f"liquidation_price.{name}": price for name, price in shown_prices(legs, balance).items()}
        rules = self.parameters.liquidation
        if rules is None:
            return shown
        prices, apart = legs.price[:, None], legs.isolated
        notional, profit = legs.notional(prices)[:, 0], legs.profits(prices)[:, 0]
        shared = balance - float(legs.margin[apart].sum()) + float(profit[~apart].sum())
        for i, contract in enumerate(legs.book.plan.contracts):
            symbol = bracket_symbol(contract, self.parameters.symbols, self.settlement)
            if symbol is not None and symbol in rules.fees and notional[i] > 0.0:
                equity = float(legs.margin[i] + profit[i]) if apart[i] else shared
                fee = clearance_fee(rules.fees[symbol].clearance_fee, float(notional[i]), equity)
                shown[f"clearance_fee.{legs.subjects[i]}"] = fee
        return shown


class UsdMargined(Bracketed):
    """Binance USD-margined futures, in cross and isolated margin, one-way or hedge mode, single-asset mode.

    ```
    notional      |q| * mark
    maintenance   notional * rate - cum,  cum_n = cum_(n-1) + floor_n (rate_n - rate_(n-1))
    initial       notional / leverage
    ```

    In hedge mode each leg has its own bracket. Workings: `liquidation_price.<symbol>` by the venue's formula (see
    `liquidation_price`), all other prices standing still, and `clearance_fee.<symbol>`, which is in neither margin (see
    `liquidation`).
    """

    MODEL = "binance-usdm"
    LINEAR = ("USDT", "USDC")


def some_of(symbols: Iterable[str], most: int = 12) -> str:
    """The first symbols, for a message.

    >>> some_of(["C", "A", "B"], 2)
    'A, B and 1 more'
    """
    names = sorted(symbols)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def bracket_symbol(contract: Contract, symbols: dict[str, TierTable], settlement: Settlement) -> str | None:
    """Under which symbol brackets hold for a future or perpetual; `None` where the rules do not list it.

    Names of the venue (`BTCUSDT`, `BTCUSDT_241227`, `BTCUSD_PERP`) are taken as they are; any other contract goes by
    its underlying and what it is quoted in.
    """
    if not isinstance(contract, Perpetual | Future) or contract.settlement is not settlement:
        return None
    inverse = settlement is Settlement.INVERSE
    if inverse and contract.currency != contract.underlying:
        return None
    pair = f"{contract.underlying}{'USD' if inverse else contract.currency}"
    own = contract.name.partition("_")[0]
    return next((s for s in (contract.name, own if own.endswith(pair) else pair, pair) if s in symbols), None)
