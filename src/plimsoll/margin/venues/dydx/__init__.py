"""dYdX v4: perpetuals against USDC, in the chain's own whole numbers.

The model of a pack is `perpetuals.DydxPerpetuals`. Below it lies a layer of pure functions on Python integers (quote
quantums, base quantums, ppm), each usable alone:

* `units`: every rounding by its name (`notional_of`, `ppm_up`, `ppm_down`, `fill_quote`);
* `margin`: `LiquidityTier`, `Market`, `Held`, `Subaccount`, `Risk`, and `scaled_imf_ppm`, `margin_of`, `position_risk`,
  `risk_of`, `changed`, `leverage_cap_imf`;
* `funding`: `settlement_ppm`, `settled`, `largest_funding_ppm`;
* `transition`: `riskier`, `transition`, `undercollateralised_transition`, `match_risks`, `match_results`,
  `isolated_subaccount`;
* `liquidation`: `is_liquidatable`, `bankruptcy_price`, `fillable_price`, `insurance_fund_delta`, `liquidation_fill`;
* `sequence`, the order of a block: `position_to_liquidate`, `size_to_liquidate`, `fillable_subticks`,
  `liquidation_rank`, `fill_allowed`, `deleveraging`, `deleveraging_quote`, `offsets`.
"""

MODELS = {"dydx-v4": "perpetuals:DydxPerpetuals"}

WORDS: dict[str, tuple[str, str, int]] = {
    "initial_margin_ppm": ("base initial margin fraction, ppm", "n", 1),
    "maintenance_fraction_ppm": ("maintenance as a part of base initial margin, ppm", "n", 1),
    "open_interest_lower_cap": ("open interest from which initial margin grows, quote quantums", "n", -1),
    "open_interest_upper_cap": ("open interest at which initial margin is the whole notional, quote quantums", "n", -1),
    "tier": ("liquidity tier", "n", 0),
    "atomic_resolution": ("size of a base quantum, as a power of ten", "n", 0),
    "isolated": ("a subaccount holds it alone", "n", 0),
    "liquidation.max_liquidation_fee_ppm": ("liquidation: most that the insurance fund gets of a fill, ppm", "n", 0),
    "liquidation.bankruptcy_adjustment_ppm": ("liquidation: how fast the fillable price leaves the oracle's", "n", 0),
    "liquidation.spread_to_maintenance_margin_ratio_ppm": (
        "liquidation: largest distance of the fillable price, ppm of maintenance",
        "n",
        0,
    ),
    "liquidation.min_position_notional": ("liquidation: what may go of any position in a block", "n", 0),
    "liquidation.max_position_portion_ppm": ("liquidation: largest part of a position in a block, ppm", "n", 0),
    "liquidation.max_notional": ("liquidation: most of a subaccount in a block, quote quantums", "n", 0),
    "liquidation.max_insurance_lost": ("liquidation: most that a subaccount costs the insurance fund", "n", 0),
    "funding_clamp_factor_ppm": ("largest funding rate, ppm of initial less maintenance margin", "n", 0),
}
"""What the packs of this venue call their numbers; see `plimsoll.margin.changes.wording`."""
