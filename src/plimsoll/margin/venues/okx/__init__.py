"""OKX: portfolio margin by risk units, options and futures outside it, and isolated spot margin, by date."""

MODELS = {
    "okx-pm": "pm:RiskUnitMargin",
    "okx-options": "options:OptionMargin",
    "okx-futures": "futures:TieredContracts",
    "okx-margin": "spot_margin:IsolatedSpotMargin",
}

_GROUPS = ("majors", "second", "others", "dollars")
_GROUPED = {
    "mr1.{}.moves": ("spot shocks (MR1)", "%", 1),
    "mr1.{}.coins": ("coins of these spot shocks (MR1)", "n", 0),
    "mr4.{}.annual": ("basis risk for each year (MR4)", "%", 1),
    "mr4.{}.floor": ("least basis risk (MR4)", "%", 1),
    "mr6.{}.move": ("extreme move (MR6)", "%", 1),
    "mr7.{}.rate": ("minimum charge before scaling (MR7)", "%", 1),
    "mr8.{}.maintenance": ("borrowing, maintenance (MR8)", "%", 1),
    "mr8.{}.initial": ("borrowing, initial (MR8)", "%", 1),
    "mr8.{}.liquidation_fee": ("liquidation fee on what is owed", "%", 0),
}

WORDS: dict[str, tuple[str, str, int]] = {
    **{path.format(group): words for path, words in _GROUPED.items() for group in _GROUPS},
    # portfolio margin
    "unit": ("what a risk unit holds", "n", 0),
    "spot_in_use": ("coins held count in the unit of their coin", "n", 0),
    "vol_shocks.days": ("days to expiry of a volatility shock", "d", 0),
    "days": ("days to expiry of a shock", "d", 0),
    "points": ("volatility shock in points (MR1)", "%", 1),
    "percent": ("volatility shock as a part of the volatility (MR1)", "%", 1),
    "theta_days": ("time of the decay that is charged (MR2)", "d", 1),
    "term_structure": ("part of what MR1 nets across expiries that is charged (MR3)", "%", 1),
    "level": ("interest rate shock, level (MR5)", "%", 1),
    "mr5.slope": ("interest rate shock, slope (MR5)", "%", 1),
    "extreme_share": ("part of the loss of the extreme move that is charged (MR6)", "%", 1),
    "option_close.slippage_least": ("least slippage of an option, in coins (MR7)", "%", 1),
    "option_close.slippage_rate": ("slippage of an option, part of its delta (MR7)", "%", 1),
    "option_close.fee": ("fee of an option, part of the index (MR7)", "%", 1),
    "option_close.fee_cap": ("most of the fee of an option, part of its mark (MR7)", "%", 1),
    "tiers.multiplier": ("multiplier of the minimum charge in the tier (MR7)", "n", 1),
    "mr9.levels": ("levels of the pair that have rates of their own (MR9)", "%", 0),
    "mr9.order": ("order in which pairs of currencies are hedged (MR9)", "n", 0),
    "tiers.rates": ("rates of hedges in the tier, by level of the pair (MR9)", "%", 1),
    "tiers.rate": ("part of its price that counts in the tier", "%", -1),
    "measure": ("what tiers of a discount count", "n", 0),
    "cap": ("most that counts as collateral", "n", -1),
    "liquidation.warn_at": ("margin ratio at which the venue warns", "n", 0),
    "liquidation.liquidate_at": ("margin ratio at which liquidation starts", "n", 0),
    # options outside it
    **{
        f"coins.{coin}.{field}": words
        for coin in ("BTC", "ETH")
        for field, words in {
            "floor": ("short option far out of the money, initial", "%", 1),
            "rate": ("short option at the money, initial", "%", 1),
            "maintenance": ("short option, maintenance", "%", 1),
            "order_floor": ("least margin of an order that opens a short option", "%", 1),
            "floor_on_mark": ("the floor of a put grows with its mark", "n", 1),
        }.items()
    },
    "factors.size": ("contracts of a tier of the margin factor", "n", -1),
    "factors.step": ("margin factor added by each tier", "%", 1),
    "linear": ("options that settle in a stable coin", "n", 0),
    "order_fee.rate": ("fee of an option trade", "%", 1),
    "order_fee.cap": ("most of the fee of an option trade, part of the price", "%", 1),
    # futures outside it, spot margin
    "liquidation_fee": ("liquidation fee", "%", 1),
    "risk_levels": ("margin ratios below which the venue calls the risk higher", "n", 0),
    "step.size": ("contracts of each further tier", "n", -1),
    "step.maintenance": ("maintenance rate added by each further tier", "%", 1),
    "step.initial": ("least initial rate added by each further tier", "%", 1),
    "fee": ("fee of repaying a loan", "%", 1),
}
"""Words for the numbers of the packs; see `plimsoll.margin.changes.wording`."""
