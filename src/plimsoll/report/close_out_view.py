"""Mechanisms of liquidation side by side, as a table and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import money, short_money
from plimsoll.report.canvas import GAIN, LOSS, MARK, MUTED, SERIES, money_axis, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plimsoll.liquidation.mechanisms import CloseOut
    from plimsoll.liquidation.mechanisms.compare import SideBySide

STRONG, QUIET, BAD = "bold", "dim", "red"
KINDS = (
    ("slippage", GAIN, "beside the mark"),
    ("fees", MARK, "fees"),
    ("charges", SERIES[2], "charges"),
    ("taken", SERIES[3], "taken over"),
)
SHORT = {"insurance fund": "fund", "backstop vault": "vault", "opposite holders": "holders"}


def close_out_view(found: SideBySide) -> RenderableType:
    """What each mechanism closed, what it cost the holder and to whom that went, who else loses, and when it ended."""
    head = Text(found.account or "account", style=STRONG)
    head.append(f"  under {found.rules}", style="none")
    amounts = (money(x, found.currency, 2) for x in (found.equity, found.maintenance))
    stands = Text("equity {}, maintenance {}".format(*amounts))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("mechanism", max_width=22)
    for heading in ("closed", "cost", "left", "bad debt", "others lose", "after"):
        table.add_column(heading, justify="right", no_wrap=True)
    for r in found.rows:
        table.add_row(
            r.mechanism,
            short_money(r.closed, "USD"),
            short_money(r.cost, "USD"),
            short_money(r.value_after, "USD"),
            short_money(r.bad_debt, "USD") if r.bad_debt >= 0.005 else "–",
            Text(short_money(r.loss_of_others, "USD"), style=BAD) if r.loss_of_others >= 0.005 else "–",
            f"{r.seconds:,.0f}s",
        )
    parts: list[RenderableType] = [head, stands, Text(""), table, Text("")]
    for r in found.rows:
        line = Text(f"{r.mechanism}: ", style=STRONG)
        line.append(_told(r), style="none")
        line.append(f" ({r.evidence})", style=QUIET)
        parts.append(line)
    parts += [Text(""), Text("assumed: " + "; ".join(dict.fromkeys(r.assumed for r in found.rows if r.assumed)), QUIET)]
    return Group(*parts)


def _told(row: CloseOut) -> str:
    """Where the cost went, and how it ended."""
    to = sorted(row.to.items(), key=lambda x: -x[1])
    paid = ", ".join(f"{SHORT.get(p, p)} {money(x, 'USD', 2)}" for p, x in to if abs(x) >= 0.005)
    health = row.health_after
    end = "nothing left" if health is None else f"health {health:.3f}"
    return f"{paid or 'nothing paid'}; {row.why}; {end}" + ("" if row.done else ", not done")


def close_out_figure(found: SideBySide) -> Figure:
    """The cost of each mechanism to the holder by kind; below it, narrow and in vermilion, what others lose.

    The two are not summed: what a pool cannot pay of its cost is lost by others, and would count twice.
    """
    with styled():
        figure = new_figure(8.6, 0.52 * len(found.rows) + 1.5)
        axes = figure.subplots()
        costs = [sum(max(0.0, float(getattr(r, kind))) for kind, _, _ in KINDS) for r in found.rows]
        most = max(1.0, *costs, *(r.loss_of_others for r in found.rows))
        for k, (r, cost) in enumerate(zip(found.rows, costs, strict=True)):
            left = 0.0
            for kind, colour, _ in KINDS:
                amount = max(0.0, float(getattr(r, kind)))
                axes.barh(k - 0.1, amount, left=left, color=colour, height=0.44)
                left += amount
            axes.barh(k + 0.24, r.loss_of_others, color=LOSS, height=0.2)
            text = f"{short_money(cost, 'USD')}  in {r.seconds:,.0f}s"
            if r.loss_of_others >= 0.5:
                text += f", others lose {short_money(r.loss_of_others, 'USD')}"
            at = max(cost, r.loss_of_others)
            # beside the bars, or inside them where no room is left
            inside = at > 0.6 * most
            axes.annotate(
                text,
                (cost if inside and cost < 0.5 * most else at, k - 0.1),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=8.5,
                parse_math=False,
            )
        axes.set_yticks(range(len(found.rows)), [r.mechanism for r in found.rows])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.45 * most)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.set_xlabel("what liquidation costs, USD")
        had = max(0.0, found.rows[0].value_before)
        if had <= 1.45 * most:
            axes.axvline(had, color=MUTED, linestyle=":", linewidth=1)
            axes.annotate(
                "all it had",
                (had, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=MUTED,
            )
        money_axis(axes, "x", [0.0, most], "USD")
        from matplotlib.patches import Patch

        shown = [(c, w) for k, c, w in KINDS if any(float(getattr(r, k)) > 0.005 for r in found.rows)]
        handles = [Patch(color=colour, label=label) for colour, label in shown]
        if any(r.loss_of_others > 0.005 for r in found.rows):
            handles.append(Patch(color=LOSS, label="lost by others"))
        figure.legend(handles=handles, loc="outside upper left", ncols=5)
        return figure
