"""Accounts, rule packs, requirements and the models that compute them."""

from plimsoll.margin.account import Account, Order, Position
from plimsoll.margin.book import Book, MarginRefusedError, OnFailure, open_book
from plimsoll.margin.catalogue import MODELS, margin_model, model_class
from plimsoll.margin.forms import Form, Forms
from plimsoll.margin.many import Positions, Totals
from plimsoll.margin.model import Incremental, MarginModel
from plimsoll.margin.requirement import Component, Requirement, ScenarioLoss, Share
from plimsoll.margin.rules import (
    Rules,
    Source,
    find_rules,
    flatten,
    in_force,
    load_rules,
    shipped_packs,
    with_parameter,
)
from plimsoll.margin.trade import traded

__all__ = [
    "MODELS",
    "Account",
    "Book",
    "Component",
    "Form",
    "Forms",
    "Incremental",
    "MarginModel",
    "MarginRefusedError",
    "OnFailure",
    "Order",
    "Position",
    "Positions",
    "Requirement",
    "Rules",
    "ScenarioLoss",
    "Share",
    "Totals",
    "Source",
    "find_rules",
    "flatten",
    "in_force",
    "load_rules",
    "margin_model",
    "model_class",
    "open_book",
    "shipped_packs",
    "traded",
    "with_parameter",
]
