"""How volatility moves over time, and arbitrage-free surfaces fitted to a market: SVI slices and SSVI."""

from __future__ import annotations

from plimsoll.dynamics.arbitrage import Finding, butterfly, calendar
from plimsoll.dynamics.chain import fit_market, fit_surface, with_smiles
from plimsoll.dynamics.ewma import ewma_variance, ewma_weights
from plimsoll.dynamics.result import Alone, ExpiryFit, FitError, Method, SsviNumbers, SurfaceFit
from plimsoll.dynamics.surface import Surface
from plimsoll.dynamics.wings import Wings

__all__ = [
    "Alone",
    "ExpiryFit",
    "Finding",
    "FitError",
    "Method",
    "SsviNumbers",
    "Surface",
    "SurfaceFit",
    "Wings",
    "butterfly",
    "calendar",
    "ewma_variance",
    "ewma_weights",
    "fit_market",
    "fit_surface",
    "with_smiles",
]
