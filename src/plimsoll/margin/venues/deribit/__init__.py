"""Deribit: standard margin and portfolio margin, by date."""

MODELS = {
    "deribit-sm": "sm:StandardMargin",
    "deribit-pm": "pm:PortfolioMargin",
    "deribit-pm-contingency": "contingency_pm:ContingencyMargin",
}
