"""Paradex: cross margin of perpetuals and options, and portfolio margin by a scan of 24 scenarios."""

MODELS = {"paradex-pm": "pm:PortfolioMargin", "paradex-xm": "xm:CrossMargin"}

WORDS: dict[str, tuple[str, str, int]] = {
    "min_vol_up": ("least volatility after a shock up", "%", 1),
    "fees.perpetual": ("fee provision of perpetuals", "%", 1),
    "fees.option": ("fee provision of options", "%", 1),
    "fees.option_cap": ("cap on the fee of options, part of their mark", "%", 1),
    "funding_hours": ("hours of funding that are provided for", "n", 1),
    "initial_rate": ("initial rate", "%", 1),
    "premium": ("bought option: part of its mark", "%", 1),
    "long_itm": ("bought option: cap, part of the spot price", "%", 1),
    "short_itm": ("sold option in the money", "%", 1),
    "short_otm": ("sold option far out of the money", "%", 1),
    "short_put_cap": ("sold put: cap", "%", 1),
    "short_put_cap_of": ("sold put: what the cap is a part of", "n", 0),
}
"""What the packs of this venue call their numbers; see `plimsoll.margin.changes.wording`."""
