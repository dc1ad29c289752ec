"""Synthetix v3 perpetuals: ratios that grow with size over the skew scale of the market, and rewards of keepers."""

MODELS = {"synthetix-v3": "model:SynthetixPerps"}

WORDS: dict[str, tuple[str, str, int]] = {
    "skew_scale": ("size at which a trade moves its price by all of it, in coins", "n", -1),
    "initial_margin_ratio": ("growth of the initial ratio with size over skew scale", "n", 1),
    "minimum_initial_margin_ratio": ("initial ratio of the smallest position", "%", 1),
    "maintenance_margin_scalar": ("maintenance over initial ratio", "n", 1),
    "minimum_position_margin": ("added for each position", "$", 1),
    "flag_reward_ratio": ("reward for flagging, of the notional", "%", 1),
    "maker_fee": ("fee of a trade that lowers the skew", "%", 1),
    "taker_fee": ("fee of a trade that raises the skew", "%", 1),
    "liquidation_multiplier": ("pace of liquidations", "n", -1),
    "window_seconds": ("length of a liquidation window", "s", -1),
    "discount_scalar": ("growth of the discount with the amount over the token's skew scale", "n", 1),
    "lower_discount": ("least discount", "%", 1),
    "upper_discount": ("largest discount", "%", 1),
    "min_reward": ("least profit of a keeper", "$", 1),
    "max_reward": ("largest reward of a keeper", "$", 1),
    "min_profit_ratio": ("least profit of a keeper over his costs", "%", 1),
    "max_scaling": ("largest reward of a keeper over the collateral", "%", 1),
    "collateral_reward_ratio": ("reward for flagging, of the collateral", "%", 1),
    "flag_cost": ("cost of flagging an account", "$", 1),
    "liquidate_cost": ("cost of one liquidation", "$", 1),
}
"""What the packs of this venue call their numbers; see `plimsoll.margin.changes.wording`."""
