"""`plimsoll demo`: an embedded book, its margin everywhere, and a report."""

from __future__ import annotations

from pathlib import Path

import click

from plimsoll.cli._common import console, json_option, print_json, write_text

STEPS = 10
"""Steps of the progress bar that are known before the work starts; more only make it fuller."""


@click.command(epilog="Example: plimsoll demo -o report.html")
@click.option("--output", "-o", default="plimsoll-demo.html", show_default=True, metavar="FILE", help="HTML report.")
@json_option
def command(output: str, as_json: bool) -> None:
    """The margin of an embedded options book under every rule set, why, and how far it is from the line.

    Needs no file and no network. Writes a self-contained HTML report beside what it prints.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from plimsoll.documents import refuse

    if not Path(output).resolve().parent.is_dir():
        raise refuse("--output", output, "a file in a folder that exists")
    screen = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("embedded book", total=STEPS)

        def tell(text: str) -> None:
            bar.update(task, description=text, advance=1)

        from plimsoll.feeds.demo import demo_account, demo_market
        from plimsoll.report.bundle import build_report

        report = build_report(demo_account(), demo_market(), progress=tell)
        tell("figures and report")
        from plimsoll.report.html import render

        write_text(output, render(report))
        bar.update(task, completed=STEPS)
    path = str(Path(output).resolve())
    if as_json:
        print_json(
            {
                "comparison": report.comparison.to_dict(),
                "requirement": report.requirement.to_dict(),
                "liquidation": [found.to_dict() for found in report.lines.values()],
                "report": path,
            }
        )
        return
    from plimsoll.report.tables import demo_view

    out = console()
    out.print(demo_view(report))
    out.print(f"\nreport: {path}", markup=False, soft_wrap=True)
