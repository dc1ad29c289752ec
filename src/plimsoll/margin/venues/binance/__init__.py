"""Binance: futures margined in dollars and in coin by brackets, portfolio margin, and options."""

MODELS = {
    "binance-usdm": "usdm:UsdMargined",
    "binance-coinm": "coinm:CoinMargined",
    "binance-pm": "pm:PortfolioMargin",
    "binance-options": "options:BinanceOptions",
}

WORDS = {
    "collateral_rate": ("part of a positive balance that counts", "%", -1),
    "margin_leverage": ("leverage of the margin account", "n", -1),
    "loan_maintenance": ("maintenance rate of loans", "%", 1),
    "default_margin_leverage": ("leverage of the margin account where none was chosen", "n", 0),
    "open_loss": ("what open orders would lose is taken off equity", "n", 1),
    "liquidation.trigger": ("liquidation: maintenance over balance at which it begins", "n", 0),
    "stops_when_safe": ("liquidation ends once the balance suffices", "n", 0),
    "liquidation.steps": ("liquidation: what is done, in order", "n", 0),
    "clearance_fee": ("liquidation: fee on what is closed", "%", 0),
    "uni_mmr_above": ("equity over maintenance from which the status holds", "n", 0),
    "option_initial": ("sold option at the money, initial", "%", 1),
    "option_initial_floor": ("sold option far out of the money, initial", "%", 1),
    "option_maintenance": ("sold option at the money, maintenance", "%", 1),
    "option_maintenance_floor": ("sold option far out of the money, maintenance", "%", 1),
}
"""Words for parameters; see `plimsoll.margin.changes.wording`."""
