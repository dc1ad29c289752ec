"""The least margin for the same exposure: objectives and limits that compose, hedges, and what holds of an answer."""

from plimsoll.optimise.algebra import (
    Limit,
    Term,
    capital,
    cost,
    delta,
    es,
    outside,
    tickets,
    today,
    trades,
    vega,
)
from plimsoll.optimise.answer import Answer, BookChange, Exhausted, Kept
from plimsoll.optimise.desk import Desk, Holding, Place, make_desk
from plimsoll.optimise.hedging import Wish, hedge, protective
from plimsoll.optimise.ladder import Ladder
from plimsoll.optimise.minimising import ConflictError, minimise
from plimsoll.optimise.placement import Placement, Tried, Venue, place
from plimsoll.optimise.problem import Problem, compile_problem
from plimsoll.optimise.solver import Effort, MissingSolverError, Solved, Solver, dual_bound
from plimsoll.optimise.terms import TradingTerms
from plimsoll.optimise.ticket import Step, Ticket, make_ticket

__all__ = [
    "Answer",
    "BookChange",
    "ConflictError",
    "Desk",
    "Effort",
    "Exhausted",
    "Holding",
    "Kept",
    "Ladder",
    "Limit",
    "MissingSolverError",
    "Place",
    "Placement",
    "Problem",
    "Solved",
    "Solver",
    "Step",
    "Term",
    "Ticket",
    "TradingTerms",
    "Tried",
    "Venue",
    "Wish",
    "capital",
    "compile_problem",
    "cost",
    "delta",
    "dual_bound",
    "es",
    "hedge",
    "make_desk",
    "make_ticket",
    "minimise",
    "outside",
    "place",
    "protective",
    "tickets",
    "today",
    "trades",
    "vega",
]
