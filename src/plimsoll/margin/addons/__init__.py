"""Add-ons of the house: offsets between underlyings, liquidity and concentration, haircuts. Plain functions."""
