"""A ticket over time: Almgren-Chriss as a closed form and as a program with margin, and costs as distributions."""

from plimsoll.optimise.execution.analytic import closed_form, kappa_of, shape
from plimsoll.optimise.execution.costs import CostLaw, Orders, cost_law
from plimsoll.optimise.execution.impact import SideImpact, book_impact
from plimsoll.optimise.execution.quadratic import Course, Planned, solve_course
from plimsoll.optimise.execution.schedule import Line, Schedule, make_schedule
from plimsoll.optimise.execution.terms import ChainCost, ExecutionTerms
from plimsoll.optimise.execution.walk import Fill

__all__ = [
    "ChainCost",
    "CostLaw",
    "Course",
    "ExecutionTerms",
    "Fill",
    "Line",
    "Orders",
    "Planned",
    "Schedule",
    "SideImpact",
    "book_impact",
    "closed_form",
    "cost_law",
    "kappa_of",
    "make_schedule",
    "shape",
    "solve_course",
]
