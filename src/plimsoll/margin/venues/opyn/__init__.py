"""Opyn's Gamma protocol: naked margin of one sold option, and spreads that are collateralised in full."""

MODELS = {"opyn-naked": "naked:OpynNaked", "opyn-spread": "spread:OpynSpread"}

WORDS: dict[str, tuple[str, str, int]] = {
    "spot_shock": ("part of the price at which a naked option is valued", "%", -1),
    "tenor_days": ("days to expiry up to which the bound holds", "n", 0),
    "upper_bound": ("largest price of an option at the money", "%", 1),
    "dust.USDC": ("USDC that a naked vault has to exceed", "n", 1),
    "dust.ETH": ("ETH that a naked vault has to exceed", "n", 1),
    "dust.BTC": ("BTC that a naked vault has to exceed", "n", 1),
    "oracle_deviation": ("auction: the start below the cash value, of the price", "%", 0),
    "auction_seconds": ("auction: its length", "s", 0),
}
"""What the packs of this venue call their numbers; see `plimsoll.margin.changes.wording`."""
