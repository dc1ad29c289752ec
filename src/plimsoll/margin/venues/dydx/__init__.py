"""dYdX v4: perpetuals against USDC, in the chain's own whole numbers."""

MODELS: dict[str, str] = {}
