"""Write `docs/reference/forms.md`: what each model gives a solver and a proof, and what `many` costs it.

    python tools/make_forms_page.py [--output FILE] [--check]

With --check nothing is written and a page that differs fails.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from page_files import keep
from plimsoll.margin import MODELS, model_class

ROOT = Path(__file__).resolve().parent.parent

HEAD = """# Forms and blocks of each model

`model.forms(instruments, market)` gives the initial margin of positions as an expression that is piecewise linear in
what is bought and what is sold. `form.at(quantity)` is its value, `form.program(size)` its sparse rows for HiGHS or
another solver, and the same rows are what a proof shows of private positions. A form is *exact*, a *bound* (never below
the rules), or refused; tests hold each to the exact engine on random books, and the rows to a solver.

Exact and bound speak of positions alone, without collateral, orders or unsettled money, and of the initial margin. The
maintenance margin is the same expression with other factors where a model's page of rules says so.

`model.many(positions, market)` gives the margins of many accounts. What an account costs each model stands below its
forms; `tools/measure_models.py` measures it.

Written by `python tools/make_forms_page.py` from what each model declares.
"""

TITLES = "| model | for a solver | exact when | route | for a proof |"


def page() -> str:
    """The page as Markdown."""
    rows = [(name, model_class(name).FORMS) for name in MODELS]
    lines = [HEAD, TITLES, "| --- | --- | --- | --- | --- |"]
    for name, d in rows:
        when = d.condition or ("always" if d.solver == "exact" else "never for certain")
        lines.append(f"| {name} | {d.solver} | {when} | {d.route} | {d.proof} |")
    for name, d in rows:
        lines += ["", f"## {name}", "", f"**For a solver: {d.solver}, {d.route}.** {sentence(d.solver_why)}", ""]
        lines += [f"**For a proof: {d.proof}.** {sentence(d.proof_why)}", ""]
        lines += [f"**Many accounts.** {sentence(model_class(name).MANY)}"]
    return "\n".join(lines) + "\n"


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return text[0].upper() + text[1:].rstrip(".") + "."


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description="What each model gives a solver and a proof.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "reference" / "forms.md")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    return keep({options.output: page()}, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
