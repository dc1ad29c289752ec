"""OKX: portfolio margin by risk units, options and futures outside it, and isolated spot margin, by date."""

MODELS = {
    "okx-pm": "pm:RiskUnitMargin",
    "okx-options": "options:OptionMargin",
    "okx-futures": "futures:TieredContracts",
    "okx-margin": "spot_margin:IsolatedSpotMargin",
}
