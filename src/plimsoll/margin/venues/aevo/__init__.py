"""Aevo: standard margin of options, and portfolio margin by 15 scenarios."""

MODELS = {"aevo-sm": "sm:StandardMargin", "aevo-pm": "pm:PortfolioMargin"}

WORDS: dict[str, tuple[str, str, int]] = {
    "options.initial": ("short option at the money, initial", "%", 1),
    "options.initial_floor": ("short option far out of the money, initial", "%", 1),
    "options.maintenance": ("short option, maintenance", "%", 1),
    "options.put_mark_rate": ("short put, maintenance on its mark", "%", 1),
    "spot_up": ("largest price move up", "%", 1),
    "spot_down": ("largest price move down", "%", 1),
    "vol_up": ("largest volatility move up, in points", "%", 1),
    "vol_down": ("largest volatility move down, in points", "%", 1),
    "spot_steps": ("price steps, parts of the largest move", "x1", 0),
    "vol_steps": ("volatility steps, parts of the largest move", "x1", 0),
    "maintenance_factor": ("maintenance as a part of initial margin", "%", 1),
}
"""What the packs of this venue call their numbers; see `plimsoll.margin.changes.wording`."""
