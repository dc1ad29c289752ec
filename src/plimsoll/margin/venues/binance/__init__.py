"""Binance: USD-margined futures by brackets."""

MODELS = {"binance-usdm": "usdm:UsdMargined"}
