"""Bybit: the unified trading account in cross, isolated and portfolio margin."""

MODELS = {
    "bybit-uta": "uta:UnifiedMargin",
    "bybit-pm": "pm:BybitPortfolioMargin",
}

WORDS = {
    "options.maintenance_on_mark": ("short option, maintenance on its mark", "%", 1),
    "options.liquidation_fee": ("short option, fee of liquidation in its maintenance", "%", 1),
    "option_fee.rate": ("fee of an option, of the underlying", "%", 1),
    "option_fee.cap": ("fee of an option, at most of its price", "%", 1),
    "close_fee.taker": ("fee of closing, of the value at the bankruptcy price", "%", 1),
    "close_fee.hedged_factor": ("fees of closing for what the other leg offsets", "n", 1),
    "borrow.initial": ("borrowed amounts, initial", "%", 1),
    "borrow.maintenance": ("borrowed amounts, maintenance", "%", 1),
    "valued_at.cross": ("price of the position value in cross margin", "n", 0),
    "valued_at.isolated": ("price of the position value in isolated margin", "n", 0),
    "unit": ("currency that scenario losses are counted in", "n", 0),
    "price_steps": ("price steps on each side", "n", 0),
    "vol_up": ("volatility shock up at 30 days", "%", 1),
    "vol_down": ("volatility shock down at 30 days", "%", 1),
    "vol_power_short": ("power of the volatility shock in time, up to 30 days", "n", 0),
    "vol_power_long": ("power of the volatility shock in time, beyond 30 days", "n", 0),
    "whole_days": ("days to expiry are rounded up", "n", 0),
    "short_option": ("contingency on net short options", "%", 1),
    "vega_spread": ("contingency on vega between expiries, a day", "%", 1),
    "stable_spread": ("contingency on delta between settlement currencies", "%", 1),
    "basis": ("contingency on delta between expiries, a year", "%", 1),
    "future_delta": ("contingency on the net delta of futures and spot", "%", 1),
    "future": ("contingency on all futures and perpetuals", "%", 1),
    "initial_factor": ("initial margin over maintenance", "x", 1),
    "liquidation.stop": ("liquidation: maintenance over balance at which it ends", "n", 0),
    "liquidation.repay": ("liquidation: maintenance over balance at which loans are repaid", "n", 0),
}
