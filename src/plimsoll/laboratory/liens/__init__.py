"""Collateral on other chains: liens over messages that come late, twice, never, or from a chain that takes them back.

A lock on a chain is attested when it is seen, active with enough blocks on it, and ends released or seized. Nothing
across chains is atomic: what is promised is that active liens never exceed what is locked, and that a seizure has come
by its deadline or is booked as a loss.
"""
