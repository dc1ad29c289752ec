"""The house's own models."""

MODELS = {"prbm": "prbm:Prbm", "prbm-whole": "whole:PrbmWhole", "dsa": "dsa:Dsa"}

WORDS = {
    "low": ("correlation, stressed 1 % quantile", "n", -1),
    "high": ("correlation, stressed 99 % quantile", "n", 0),
    "liquidity.impact": ("factor of the square-root impact", "n", 1),
    "liquidity.stress": ("part of posted depth that is not counted", "%", 1),
    "liquidity.free": ("part of a day's volume that costs nothing", "%", -1),
    "liquidity.participation": ("part of the volume at which positions are closed", "%", -1),
    "liquidity.days": ("margin period", "d", -1),
    "volume": ("traded in a day", "$", -1),
    "daily_vol": ("volatility of a day", "%", 1),
    "collateral.quantile": ("quantile of the haircuts, standard deviations", "n", 1),
    "collateral.initial_only": ("haircuts count in the initial margin only", "n", 0),
    "floor": ("least haircut", "%", 1),
    "days": ("time to sell", "d", 1),
    "impact": ("factor of the square-root impact", "n", 1),
    "cap": ("most that counts", "$", -1),
    "depeg": ("fall of a dollar coin", "%", 1),
}
