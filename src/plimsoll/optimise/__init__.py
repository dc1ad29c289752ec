"""The least margin for the same exposure: objectives and limits that compose, hedges, and what holds of an answer."""

from plimsoll.optimise.algebra import (
    Limit,
    Term,
    capital,
    cost,
    delta,
    es,
    initial_margin,
    outside,
    tickets,
    today,
    trades,
    vega,
)
from plimsoll.optimise.answer import Answer, BookChange, Exhausted, Kept
from plimsoll.optimise.desk import Desk, Holding, Place, make_desk
from plimsoll.optimise.frontiers import Curve, Frontier, Point, frontier
from plimsoll.optimise.hedging import Wish, hedge, protective
from plimsoll.optimise.ladder import Ladder
from plimsoll.optimise.minimising import ConflictError, minimise
from plimsoll.optimise.placement import Placement, Tried, Venue, place
from plimsoll.optimise.price_impact import Impact, impact
from plimsoll.optimise.problem import Problem, compile_problem
from plimsoll.optimise.solver import Effort, MissingSolverError, Solved, Solver, dual_bound
from plimsoll.optimise.tail_programs import NoPointError, TailAnswer, UnprovedError, minimum_es, minimum_loss
from plimsoll.optimise.terms import TradingTerms
from plimsoll.optimise.ticket import Step, Ticket, make_ticket

__all__ = [
    "Answer",
    "BookChange",
    "ConflictError",
    "Curve",
    "Desk",
    "Effort",
    "Exhausted",
    "Frontier",
    "Holding",
    "Impact",
    "Kept",
    "Ladder",
    "Limit",
    "MissingSolverError",
    "NoPointError",
    "Place",
    "Placement",
    "Point",
    "Problem",
    "Solved",
    "Solver",
    "Step",
    "TailAnswer",
    "Term",
    "Ticket",
    "TradingTerms",
    "Tried",
    "UnprovedError",
    "Venue",
    "Wish",
    "capital",
    "compile_problem",
    "cost",
    "delta",
    "dual_bound",
    "es",
    "frontier",
    "hedge",
    "initial_margin",
    "impact",
    "make_desk",
    "make_ticket",
    "minimise",
    "minimum_es",
    "minimum_loss",
    "outside",
    "place",
    "protective",
    "tickets",
    "today",
    "trades",
    "vega",
]
