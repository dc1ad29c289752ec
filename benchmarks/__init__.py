"""Measurements against peers, written as documents. Not a part of the package."""
