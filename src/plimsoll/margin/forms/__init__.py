"""What a margin model can give a solver or a proof: convex pieces over positions, their rows, or a refusal."""

from plimsoll.margin.forms.declared import Declared, Form, Forms
from plimsoll.margin.forms.expression import Expression, Least, Max, Relieved, Scaled, Sum, Tail, Worst
from plimsoll.margin.forms.program import Program, compile_program

__all__ = [
    "Declared",
    "Expression",
    "Form",
    "Forms",
    "Least",
    "Max",
    "Program",
    "Relieved",
    "Scaled",
    "Sum",
    "Tail",
    "Worst",
    "compile_program",
]
