"""The numbers an SRM pack holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plimsoll.documents import Asset, Count, Fraction, NonNegative, Part
from plimsoll.margin.venues.derive.auction_terms import AuctionTerms


class PerpTerms(Part):
    """Requirement of a perpetual as fractions of its notional at its own price."""

    mm_req: NonNegative
    im_req: NonNegative


class OptionTerms(Part):
    """Isolated margin of short options (fractions of spot, or of the value of a put) and the unpaired add-on."""

    max_spot_req: NonNegative
    min_spot_req: NonNegative
    mm_call_spot_req: NonNegative
    mm_put_spot_req: NonNegative
    mm_put_mtm_req: NonNegative
    unpaired_im_scale: NonNegative
    unpaired_mm_scale: NonNegative
    mm_offset_scale: NonNegative


class OracleTerms(Part):
    """Confidences below which an initial charge is due, and its factor; a threshold of zero never charges."""

    perp_threshold: Fraction
    option_threshold: Fraction
    base_threshold: Fraction
    factor: NonNegative

    def charge(self, confidence: float, threshold: float) -> float:
        """Fraction of the notional: nothing at the threshold or above."""
        return (1.0 - confidence) * self.factor if confidence < threshold else 0.0


class BaseTerms(Part):
    """The part of a coin's value that counts as margin; for initial margin times `im_scale`."""

    margin_factor: NonNegative
    im_scale: NonNegative


class DepegTerms(Part):
    """Charge on the notional for each dollar that the stable coin is below the threshold."""

    threshold: NonNegative
    factor: NonNegative


class Defaults(Part):
    """Terms of every market that does not have its own."""

    perp: PerpTerms
    option: OptionTerms
    oracle: OracleTerms


class SrmMarket(Part):
    """One market: what trades there, whether its coin is taken as collateral, and terms in place of the defaults."""

    contracts: tuple[Literal["perpetual", "option"], ...] = ("perpetual", "option")
    base: BaseTerms | None = None
    perp: PerpTerms | None = None
    option: OptionTerms | None = None
    oracle: OracleTerms | None = None


class SrmParameters(Part):
    """A whole SRM pack; `cash` is the settlement currency, `auction` is left out where the pack knows none."""

    cash: Asset
    defaults: Defaults
    depeg: DepegTerms
    markets: Annotated[dict[Asset, SrmMarket], Field(min_length=1)]
    auction: AuctionTerms | None = None
    max_positions: Count = 48

    def perp(self, market: str) -> PerpTerms:
        """Terms of the perpetual of `market`; the defaults also for one that is not listed."""
        return self._own(market).perp or self.defaults.perp

    def option(self, market: str) -> OptionTerms:
        """Terms of the options of `market`."""
        return self._own(market).option or self.defaults.option

    def oracle(self, market: str) -> OracleTerms:
        """Oracle terms of `market`."""
        return self._own(market).oracle or self.defaults.oracle

    def base(self, market: str) -> BaseTerms | None:
        """Terms of the coin as collateral; `None` where it is not taken."""
        return self._own(market).base

    def source(self, part: str, market: str) -> str:
        """Path of the parameters that speak for `part` (perp, option or oracle) of `market`."""
        own = getattr(self._own(market), part) is not None
        return f"markets.{market}.{part}" if own else f"defaults.{part}"

    def _own(self, market: str) -> SrmMarket:
        return self.markets.get(market, SrmMarket())

    @property
    def bases(self) -> tuple[str, ...]:
        """Assets that are taken as collateral besides cash."""
        return tuple(name for name, row in self.markets.items() if row.base is not None)
