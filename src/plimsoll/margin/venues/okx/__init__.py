"""OKX: portfolio margin by risk units, options and futures outside it, and isolated spot margin, by date."""

MODELS = {
    "okx-pm": "pm:RiskUnitMargin",
}
