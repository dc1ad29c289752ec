"""Hyperliquid: perpetuals in cross and isolated margin, and portfolio margin with borrowing against spot."""

MODELS = {
    "hyperliquid-perps": "perps:HyperliquidPerps",
    "hyperliquid-pm": "pm:HyperliquidPortfolio",
}

WORDS: dict[str, tuple[str, str, int]] = {
    "lower_bound": ("notional from which the tier holds", "$", -1),
    "max_leverage": ("highest leverage of the tier", "n", -1),
    "coins.HYPE": ("highest leverage of HYPE", "n", -1),
    "funding_interval": ("hours between two payments of funding", "n", 0),
    "transfer_share": ("part of the notional that has to stay on a withdrawal", "%", 1),
    "liquidation.partial_above": ("liquidation: notional above which a part is sent first", "$", 0),
    "liquidation.partial_share": ("liquidation: part that is sent first", "%", 0),
    "liquidation.cooldown_seconds": ("liquidation: time after a part in which the whole is sent", "s", 0),
    "liquidation.backstop": ("liquidation: part of maintenance below which the vault takes over", "%", 0),
    "loan_to_value": ("part of its value that can be borrowed against it", "%", -1),
    "supply_cap": ("most of it that counts, in coins", "n", -1),
    "borrow_cap": ("most that can be borrowed", "$", -1),
    "min_borrow_offset": ("least maintenance of an account", "$", 1),
    "liquidation_ratio": ("portfolio margin ratio at which liquidation begins", "%", -1),
    "order_buffer": ("kept on top of the margin of open orders", "%", 1),
}
"""What the packs of this venue call their numbers; see `plimsoll.margin.changes.wording`."""
