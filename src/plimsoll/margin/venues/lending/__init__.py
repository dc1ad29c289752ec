"""Lending pools of the Aave kind: loans against collateral with a loan-to-value and a liquidation threshold."""

MODELS = {"lending": "pool:LendingPool"}

WORDS: dict[str, tuple[str, str, int]] = {
    "ltv": ("part of the collateral that can be borrowed", "%", -1),
    "threshold": ("part of the collateral that counts against liquidation", "%", -1),
    "most": ("coins that count as collateral", "n", -1),
    "borrowable": ("can be borrowed", "n", 0),
    "category": ("category of correlated assets", "n", 0),
    "ceiling": ("most debt against the asset in isolation", "$", -1),
    "isolation_borrowable": ("can be borrowed in isolation", "n", 0),
}
"""What the packs of this folder call their numbers; see `plimsoll.margin.changes.wording`."""
