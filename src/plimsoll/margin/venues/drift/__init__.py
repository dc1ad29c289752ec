"""Drift v2: spot deposits and loans with size-dependent weights, perpetuals and open orders in one cross account."""

MODELS = {"drift": "model:DriftMargin"}

WORDS: dict[str, tuple[str, str, int]] = {
    "margin_ratio_initial": ("initial margin ratio, in hundredths of a per cent", "n", 1),
    "margin_ratio_maintenance": ("maintenance margin ratio, in hundredths of a per cent", "n", 1),
    "imf_factor": ("change of a ratio or weight with the root of the size, in millionths", "n", 1),
    "high_leverage_initial": ("initial ratio in high-leverage mode, in hundredths of a per cent", "n", 1),
    "high_leverage_maintenance": ("maintenance ratio in high-leverage mode, in hundredths of a per cent", "n", 1),
    "pnl_initial_weight": ("part of a profit that counts for initial, in hundredths of a per cent", "n", -1),
    "pnl_maintenance_weight": ("part of a profit that counts for maintenance, in hundredths of a per cent", "n", -1),
    "pnl_imf_factor": ("fall of that part with the root of the profit, in millionths", "n", 1),
    "pnl_max_imbalance": ("profit of the whole market not settled above which less of it counts", "$", -1),
    "decimals": ("decimals of the token", "n", 0),
    "initial_asset_weight": ("weight of a deposit, initial, in hundredths of a per cent", "n", -1),
    "maintenance_asset_weight": ("weight of a deposit, maintenance, in hundredths of a per cent", "n", -1),
    "initial_liability_weight": ("weight of a loan, initial, in hundredths of a per cent", "n", 1),
    "maintenance_liability_weight": ("weight of a loan, maintenance, in hundredths of a per cent", "n", 1),
    "scale_start": ("deposits of the whole venue above which the initial weight falls", "$", -1),
    "order_margin": ("margin of each open order", "$", 1),
    "pnl_cap_initial": ("most of a position's profit that counts for initial", "$", -1),
}
"""What the packs of this venue call their numbers; see `plimsoll.margin.changes.wording`."""
