"""Deribit: standard margin and portfolio margin."""
