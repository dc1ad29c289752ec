"""Binance: futures margined in dollars and in coin by brackets, portfolio margin, and options."""

MODELS = {
    "binance-usdm": "usdm:UsdMargined",
    "binance-coinm": "coinm:CoinMargined",
}
