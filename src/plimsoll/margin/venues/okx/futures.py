"""OKX futures and perpetuals outside portfolio margin: the whole position at the tier of its size in contracts.

Source: venues-cex section 2.3, own words. Rule codes `OKX-FUT-nn` are listed in docs/rules.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from plimsoll.contracts import Contract, Future, Perpetual, Settlement
from plimsoll.documents import Fraction, Name, Part, Positive, fault
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure
from plimsoll.margin.model import Assessment
from plimsoll.margin.parts.futures import TieredFutures
from plimsoll.margin.parts.legs import Unit
from plimsoll.margin.parts.tiers import Tier, TierTable
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure
from plimsoll.margin.venues.okx.procedure import OkxProcedure
from plimsoll.market import Market


class GrowingTier(Part):
    """One tier: it ends at `upto` contracts, that size belonging to it."""

    upto: Positive
    maintenance: Fraction
    initial: Fraction


class Growth(Part):
    """How each tier beyond the listed ones differs from the one before it: `size` contracts and both rates more."""

    size: Positive
    maintenance: Fraction
    initial: Fraction


class GrowingTable(Part):
    """Tiers as the venue prints them: some listed, the rest by a step, up to an initial rate of one."""

    tiers: Annotated[tuple[GrowingTier, ...], Field(min_length=1)]
    step: Growth

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.step.initial <= 0.0:
            raise fault("step.initial", self.step.initial, "a rate above zero: tiers end where nothing is lent")
        return self

    @cached_property
    def table(self) -> TierTable:
        """All tiers; the last has an initial rate of one and no end."""
        rows = [Tier(upto=t.upto, maintenance=t.maintenance, initial=t.initial) for t in self.tiers]
        while rows[-1].initial < 1.0 and len(rows) < 10_000:
            last, count = self.tiers[-1], len(rows) - len(self.tiers) + 1
            # from the last listed one, so that no rounding adds up
            upto = last.upto + count * self.step.size
            maintenance = min(last.maintenance + count * self.step.maintenance, 1.0)
            initial = min(last.initial + count * self.step.initial, 1.0)
            rows.append(Tier(upto=upto, maintenance=maintenance, initial=initial))
        rows[-1] = rows[-1].model_copy(update={"upto": None})
        return TierTable(counting="whole", tiers=tuple(rows))


class FuturesParameters(Part):
    """Tiers by contract (`ETH-USDT-SWAP`) or kind of contract (`ETH-USD-FUTURES`), sizes in contracts.

    `liquidation_fee` is a part of the notional that both margins add for closing. `risk_levels` are the margin ratios
    below which the venue calls the risk higher, falling; at the last it liquidates.
    """

    liquidation_fee: Fraction
    risk_levels: Annotated[tuple[Positive, ...], Field(min_length=1)]
    symbols: Annotated[dict[Name, GrowingTable], Field(min_length=1)]

    @model_validator(mode="after")
    def _falling(self) -> Self:
        for n, (level, below) in enumerate(pairwise(self.risk_levels)):
            if below >= level:
                raise fault(f"risk_levels[{n + 1}]", below, f"a ratio below {level!r}")
        return self


class TieredContracts(TieredFutures):
    """OKX's futures and perpetuals in one settlement currency, in cross and in isolated margin.

    ```
    maintenance   notional * rate of the tier that the whole size is in, nothing deducted: it jumps at a tier's end
    initial       notional / leverage, at least the tier's least initial rate
    ```

    A position without a chosen leverage has the highest of its tier.
    """

    MODEL = "okx-futures"
    LINEAR = ("USDT", "USDC")
    PARAMETERS = FuturesParameters
    parameters: FuturesParameters

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`: that of all futures by tiers, with the venue's risk level of the shared pool."""
        found = super().assess(account, market, on_failure)
        health = found.pools[0].health if found.pools else None
        maintenance = sum(c.maintenance for c in found.components)
        if not found.pools and maintenance > 0.0:
            health = found.net_equity / maintenance
        if health is None:
            return found
        return replace(found, notes=(*found.notes, self._level(health)))

    def procedure(self, assumed: Assumed = SUPPOSED) -> Procedure | None:
        """See `MarginModel.procedure`."""
        return OkxProcedure(self.parameters.risk_levels[-1], ("reduce_by_tier",), self.tier_parts, assumed, "assumed")

    def _level(self, ratio: float) -> str:
        levels = self.parameters.risk_levels
        passed = [level for level in levels if ratio <= level]
        if not passed:
            return f"margin ratio above {levels[0]:.0%}: the venue's lowest risk"
        if len(passed) == len(levels):
            return f"margin ratio at or below {levels[-1]:.0%}: liquidation"
        return f"margin ratio at or below {passed[-1]:.0%}, level {len(passed) + 1} of {len(levels) + 1} of the venue"

    def rule(self, contract: Contract) -> tuple[str, TierTable, Unit] | None:
        """See `TieredFutures.rule`: by the contract's name, else by underlying, quote and kind."""
        if not isinstance(contract, Perpetual | Future) or contract.settlement is Settlement.QUANTO:
            return None
        inverse = contract.settlement is Settlement.INVERSE
        if inverse and contract.currency != contract.underlying:
            return None
        kind = "SWAP" if isinstance(contract, Perpetual) else "FUTURES"
        for symbol in (contract.name, f"{contract.underlying}-{'USD' if inverse else contract.currency}-{kind}"):
            if symbol in self.parameters.symbols:
                return f"symbols.{symbol}", self.parameters.symbols[symbol].table, "contracts"
        return None

    def listed(self) -> str:
        """See `TieredFutures.listed`."""
        return "contracts with tiers in the pack: " + ", ".join(sorted(self.parameters.symbols))

    def close_fee_rate(self, contract: Contract) -> float:
        """See `TieredFutures.close_fee_rate`."""
        return self.parameters.liquidation_fee

    def notes(self, account: Account, currency: str) -> tuple[str, ...]:
        """See `TieredFutures.notes`."""
        found = super().notes(account, currency)
        if self.parameters.liquidation_fee == 0.0 and account.positions:
            told = (
                "the venue also sets a liquidation fee, by the holder's own fee tier, against equity: not counted here"
            )
            found = (*found, f"{told}; set parameters.liquidation_fee")
        return found
