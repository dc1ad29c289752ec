"""GMX v2: isolated positions against a pool, leverage that falls as open interest grows, price impact and fees."""

MODELS = {"gmx-v2": "model:GmxPositions"}

WORDS: dict[str, tuple[str, str, int]] = {
    "min_collateral_factor": ("least collateral to open, of the size", "%", 1),
    "min_collateral_factor_liquidation": ("least collateral before a liquidation, of the size", "%", 1),
    "open_interest_multiplier_long": ("growth of that factor for each dollar of long open interest", "n", 1),
    "open_interest_multiplier_short": ("growth of that factor for each dollar of short open interest", "n", 1),
    "max_open_interest_long": ("largest long open interest", "$", 1),
    "max_open_interest_short": ("largest short open interest", "$", 1),
    "impact_factor_positive": ("price impact of a trade that balances", "n", 0),
    "impact_factor_negative": ("price impact of a trade that unbalances", "n", 1),
    "impact_exponent": ("exponent of the imbalance in the price impact", "n", 1),
    "max_impact_factor_liquidation": ("largest price impact in a liquidation, of the size", "%", 1),
    "position_fee_positive": ("fee of a trade that balances", "%", 1),
    "position_fee_negative": ("fee of a trade that unbalances", "%", 1),
    "min_collateral_usd": ("least collateral of a position", "$", 1),
}
"""What the packs of this venue call their numbers; see `plimsoll.margin.changes.wording`."""
