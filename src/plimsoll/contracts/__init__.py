"""Contracts: spot, dated future, perpetual, European option; linear, inverse and quanto settlement."""

from plimsoll.contracts.terms import Contract, Dated, Future, Option, Perpetual, Settlement, Spot, is_dated

__all__ = ["Contract", "Dated", "Future", "Option", "Perpetual", "Settlement", "Spot", "is_dated"]
