"""What a model declares, and what it gives for a universe of contracts in one market."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.forms.expression import Expression
from plimsoll.margin.forms.program import Program, compile_program

F64 = npt.NDArray[np.float64]
Standing = Literal["exact", "bound", "refused"]
Route = Literal["linear program", "mixed-integer program", "sequential convex steps", "none"]


@dataclass(frozen=True)
class Declared:
    """What a model says of itself, whatever the market: the standing and route of each form, and why.

    `route` is what a solver does with the form: a linear or mixed-integer program whose optimum is that of the rules,
    or convex steps on a bound, each re-priced by the exact engine. `condition` says when the solver's form is exact, if
    not always; see `Form.within`.
    """

    solver: Standing
    route: Route
    solver_why: str
    proof: Standing
    proof_why: str
    condition: str = ""


NONE = Declared("refused", "none", "this model declares no form", "refused", "this model declares no form")


@dataclass(frozen=True, eq=False)
class Form:
    """The initial margin of positions alone, as an expression, and what it is worth.

    `standing`: `exact`, the margin itself; `bound`, never below it; `refused`, no expression. Where there is a
    `within`, a
    bound is exact, and an exact form holds, wherever `within` is at most zero; outside of it such an exact form says
    nothing. Where there is a `reach`, nothing is said of positions beyond `reach[N]`. `rounding` is what the venue's
    own rounding may differ by, in the currency of the margin.
    """

    standing: Standing
    why: str
    expression: Expression | None = None
    within: Expression | None = None
    reach: F64 | None = None
    rounding: float = 0.0

    @property
    def convex(self) -> bool:
        """Whether it is convex in the signed positions: no binary anywhere."""
        e = self.expression
        return e is not None and not e.choices() and not e.opposed()

    def at(self, quantity: F64) -> float:
        """The form at signed positions `[N]`. Raises `DocumentError` where it is refused."""
        return self._expression().at(np.asarray(quantity, dtype=np.float64))

    def holds(self, quantity: F64) -> bool:
        """Whether these positions lie `within`, and within `reach`."""
        inside = self.within is None or self.within.at(quantity) <= 0.0
        return inside and (self.reach is None or bool((np.abs(quantity) <= self.reach).all()))

    def program(self, size: int, reach: F64 | None = None) -> Program:
        """Sparse rows for a solver; `reach` as in `compile_program`, by default that of the form."""
        return compile_program(self._expression(), size, self.reach if reach is None else reach)

    def _expression(self) -> Expression:
        if self.expression is None:
            raise refuse("form", "refused", f"a model or market that has one: {self.why}")
        return self.expression


@dataclass(frozen=True, eq=False)
class Forms:
    """What one rule set gives for `instruments[N]` in one market: initial margin in `currency`.

    `solver` is the tightest form, perhaps with binaries; `proof` is convex, so its rows can be proved over private
    positions.
    """

    model: str
    currency: str
    instruments: tuple[str, ...]
    solver: Form
    proof: Form
