"""Margin of a position and of a subaccount: scaling by open interest, two roundings up, net collateral.

Source: venues-onchain section 2, own words. Rule codes `DYDX-nn` are in docs/rules/dydx-v4.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from plimsoll.documents import refuse
from plimsoll.margin.venues.dydx.units import EXPONENTS, ONE_MILLION, divided_up, notional_of, ppm_down, ppm_up, whole


@dataclass(frozen=True)
class LiquidityTier:
    """Margin parameters of a group of markets.

    `initial_margin_ppm` is the base initial margin fraction, `maintenance_fraction_ppm` the part of it that is
    maintenance; the caps are in quote quantums of open interest, an upper cap of zero switches the scaling off. Raises
    `DocumentError` for fractions above the whole and for a lower cap above the upper one.
    """

    initial_margin_ppm: int
    maintenance_fraction_ppm: int
    open_interest_lower_cap: int = 0
    open_interest_upper_cap: int = 0

    def __post_init__(self) -> None:
        for name in ("initial_margin_ppm", "maintenance_fraction_ppm"):
            whole(f"liquidity_tier.{name}", getattr(self, name), least=0, most=ONE_MILLION)
        for name in ("open_interest_lower_cap", "open_interest_upper_cap"):
            whole(f"liquidity_tier.{name}", getattr(self, name), least=0)
        if self.open_interest_lower_cap > self.open_interest_upper_cap:
            allowed = f"at most the upper cap, {self.open_interest_upper_cap}"
            raise refuse("liquidity_tier.open_interest_lower_cap", self.open_interest_lower_cap, allowed)


@dataclass(frozen=True)
class Market:
    """One perpetual market at one instant.

    `price * 10**price_exponent` USDC is the oracle price of a coin, `10**atomic_resolution` coins one base quantum.
    `open_interest` counts base quantums of all longs; `funding_index` is in ppm of a quote quantum for each base
    quantum.
    """

    atomic_resolution: int
    price: int
    price_exponent: int
    tier: LiquidityTier
    open_interest: int = 0
    funding_index: int = 0

    def __post_init__(self) -> None:
        whole("perpetual.price", self.price, least=0)
        whole("perpetual.open_interest_base_quantums", self.open_interest, least=0)
        whole("perpetual.funding_index", self.funding_index)
        for name in ("atomic_resolution", "price_exponent"):
            whole(f"perpetual.{name}", getattr(self, name), least=-EXPONENTS, most=EXPONENTS)

    def notional(self, base_quantums: int) -> int:
        """Value of so many base quantums in quote quantums, sign kept; see `notional_of`."""
        return notional_of(base_quantums, self.price, self.price_exponent, self.atomic_resolution)

    @property
    def open_notional(self) -> int:
        """Open interest in quote quantums at the oracle price, which scales the initial margin."""
        return self.notional(self.open_interest)


@dataclass(frozen=True)
class Held:
    """A position of a subaccount: signed base quantums and the funding index at which it was last settled.

    `quote_balance` are quote quantums kept with the position; `custom_imf_ppm` is the initial margin fraction that the
    holder chose for this market (one over his leverage cap), zero for none.
    """

    base_quantums: int
    funding_index: int = 0
    quote_balance: int = 0
    custom_imf_ppm: int = 0

    def __post_init__(self) -> None:
        for name in ("base_quantums", "funding_index", "quote_balance"):
            whole(f"position.{name}", getattr(self, name))
        whole("position.custom_imf_ppm", self.custom_imf_ppm, least=0, most=ONE_MILLION)


@dataclass(frozen=True)
class Subaccount:
    """USDC in quote quantums (negative: owed) and positions by market."""

    usdc: int
    positions: Mapping[int, Held]

    def __post_init__(self) -> None:
        whole("usdc_quantums", self.usdc)


@dataclass(frozen=True)
class Risk:
    """Net collateral, initial and maintenance margin requirement, in quote quantums."""

    nc: int
    imr: int
    mmr: int

    def __add__(self, other: Risk) -> Risk:
        return Risk(self.nc + other.nc, self.imr + other.imr, self.mmr + other.mmr)

    @property
    def initial_collateralised(self) -> bool:
        """`NC >= IMR`: positions may be opened and money withdrawn."""
        return self.nc >= self.imr

    @property
    def maintenance_collateralised(self) -> bool:
        """`NC >= MMR`."""
        return self.nc >= self.mmr


def maintenance_margin_ppm(tier: LiquidityTier) -> int:
    """Maintenance margin fraction of a tier, rounded down: what the venue shows and clamps funding with.

    The requirement itself is not computed from it, see `margin_of`.

    >>> maintenance_margin_ppm(LiquidityTier(333_333, 600_000))
    199999
    """
    return ppm_down(tier.initial_margin_ppm, tier.maintenance_fraction_ppm)


def scaled_imf_ppm(tier: LiquidityTier, open_notional: int) -> int:
    """Initial margin fraction at an open interest worth `open_notional` quote quantums.

    ```
    base                                                      no upper cap, or open_notional <= lower
    1,000,000                                                 open_notional >= upper
    base + floor((1e6 - base) (open_notional - lower) / (upper - lower))   between
    ```

    >>> scaled_imf_ppm(LiquidityTier(100_000, 500_000, 20_000_000, 50_000_000), 35_000_000)
    550000
    """
    base, lower, upper = tier.initial_margin_ppm, tier.open_interest_lower_cap, tier.open_interest_upper_cap
    if upper == 0 or open_notional <= lower:
        return base
    if open_notional >= upper:
        return ONE_MILLION
    return base + (ONE_MILLION - base) * (open_notional - lower) // (upper - lower)


def margin_of(size: int, imf_ppm: int, tier: LiquidityTier) -> tuple[int, int]:
    """Initial and maintenance margin of a notional without sign, in quote quantums.

    ```
    IMR = ceil(size * imf / 1e6)
    MMR = ceil(ceil(size * base / 1e6) * maintenance_fraction / 1e6)
    ```

    Maintenance knows neither the scaling by open interest nor a leverage cap, and is rounded up twice.

    >>> margin_of(1_000_011, 550_000, LiquidityTier(100_000, 500_000))
    (550007, 50001)
    """
    base = ppm_up(size, tier.initial_margin_ppm)
    return ppm_up(size, imf_ppm), ppm_up(base, tier.maintenance_fraction_ppm)


def leverage_cap_imf(leverage: int, tier: LiquidityTier) -> int:
    """`custom_imf_ppm` of a leverage cap, rounded up.

    The venue takes no cap above the tier's own: raises `DocumentError` where one over it is below the base fraction.

    >>> leverage_cap_imf(3, LiquidityTier(50_000, 600_000))
    333334
    """
    imf = divided_up(ONE_MILLION, whole("leverage", leverage, least=1))
    if imf < tier.initial_margin_ppm:
        allowed = f"a leverage of at most 1e6 / {tier.initial_margin_ppm}, the base fraction of the tier"
        raise refuse("leverage", leverage, allowed)
    return imf


def position_risk(held: Held, market: Market) -> Risk:
    """What one settled position adds to its subaccount.

    `NC = notional + quote balance`, `IMR` at the larger of the scaled and the chosen fraction, `MMR` at the base one.
    """
    notional = market.notional(held.base_quantums)
    imf = max(scaled_imf_ppm(market.tier, market.open_notional), held.custom_imf_ppm)
    initial, maintenance = margin_of(abs(notional), imf, market.tier)
    return Risk(notional + held.quote_balance, initial, maintenance)


def risk_of(account: Subaccount, markets: Mapping[int, Market]) -> Risk:
    """Net collateral and requirements of a subaccount whose funding is settled; see `funding.settled`.

    `NC = USDC + sum(notional + quote balance)`; the requirements are sums over the positions, nothing is netted between
    markets. Raises `DocumentError` naming a market that is not among `markets`.
    """
    total = Risk(account.usdc, 0, 0)
    for number, held in account.positions.items():
        total += position_risk(held, market_of(markets, number))
    return total


def market_of(markets: Mapping[int, Market], number: int) -> Market:
    """One of the markets. Raises `DocumentError` where it is not known."""
    if number not in markets:
        known = ", ".join(map(str, sorted(markets)))
        raise refuse("perpetual_id", number, f"one of {known}" if known else "no market at all")
    return markets[number]


@dataclass(frozen=True)
class Change:
    """What one market's position of a subaccount is changed by."""

    market: int
    base_quantums: int
    quote_balance: int = 0


def changed(account: Subaccount, usdc: int, changes: Iterable[Change], markets: Mapping[int, Market]) -> Subaccount:
    """A settled subaccount after `usdc` quote quantums and all `changes` were added, several to one market included.

    A position that did not stand yet starts at the market's funding index; one that comes to nothing is gone.
    """
    positions = dict(account.positions)
    for change in changes:
        before = positions.get(change.market)
        if before is None:
            before = Held(0, funding_index=market_of(markets, change.market).funding_index)
        after = replace(
            before,
            base_quantums=before.base_quantums + whole("base_quantums_delta", change.base_quantums),
            quote_balance=before.quote_balance + whole("quote_balance_delta", change.quote_balance),
        )
        positions[change.market] = after
        if after.base_quantums == 0 and after.quote_balance == 0:
            del positions[change.market]
    return Subaccount(account.usdc + whole("usdc_update", usdc), positions)
