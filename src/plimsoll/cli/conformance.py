"""`plimsoll conformance`: outside numbers against our models."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, print_json


@click.command(epilog="Example: plimsoll conformance ../shared/vectors/derive/pmrm2_cases.json")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--misses", default=5, show_default=True, help="How many missed assertions to show for each case.")
@json_option
def command(paths: tuple[str, ...], misses: int, as_json: bool) -> int:
    """Run files of cases, or folders of them, and count the cases of which every assertion holds.

    A file's schema is recognised by its content. Exit 0: all passed; 1: a miss, or a file that asserts nothing;
    2: an unknown or broken file.
    """
    from plimsoll.conformance import run_paths

    outcomes = run_paths(list(paths))
    if as_json:
        print_json(
            {
                "files": [
                    {
                        "path": o.path,
                        "model": o.model,
                        "passed": o.passed,
                        "total": o.total,
                        "worst_error": _finite(o.worst_error),
                    }
                    for o in outcomes
                ],
                "passed": sum(o.passed for o in outcomes),
                "total": sum(o.total for o in outcomes),
            }
        )
    else:
        from plimsoll.conformance.view import outcome_table, shown_misses

        out = console()
        out.print(outcome_table(outcomes))
        for line in shown_misses(outcomes, misses):
            out.print(line, markup=False)
    return 0 if all(o.ok for o in outcomes) else 1


def _finite(error: float | None) -> float | None:
    """JSON has no infinity: a number that was not computed has no error to state."""
    import math

    return error if error is not None and math.isfinite(error) else None
