"""What people look at: tables in a narrow terminal, figures, and the page that needs nothing outside itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from rich.console import Console, RenderableType

import plimsoll as pl
from builders import CALL, FUTURE, PERP, PRBM, PUT, WING, account_doc, market_doc
from plimsoll.cli import run
from plimsoll.documents import DocumentError
from plimsoll.liquidation import Line
from plimsoll.report import figures, tables
from plimsoll.report.amounts import health_words, number, scenario_point, short_money, signed
from plimsoll.report.bundle import Report, build_report, surface_of
from plimsoll.report.html import render
from plimsoll.report.lines import line_words, lines_view

HOSTILE = "<script>alert('x')</script> [bold]{{ 7 * 7 }}"
BOOK = {CALL: -2.0, PUT: -1.0, WING: 3.0, PERP: 0.4}
SECTIONS = (
    "headline", "comparison", "surface", "components", "contributions",
    "smiles", "scenarios", "notes", "inputs", "sources",
)  # fmt: skip


@pytest.fixture(scope="module")
def report() -> Report:
    account = account_doc(BOOK, name=HOSTILE)
    return build_report(pl.Account.from_dict(account), pl.Market.from_dict(market_doc(source=HOSTILE)))


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return render(report)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    account, market = tmp_path / "account.json", tmp_path / "market.json"
    account.write_text(json.dumps(account_doc(BOOK)))
    market.write_text(json.dumps(market_doc()))
    return ["--account", str(account), "--market", str(market)]


def shown(view: RenderableType, width: int = 80, encoding: str = "utf-8") -> str:
    class Stream(StringIO):
        pass

    Stream.encoding = encoding  # type: ignore[misc,assignment]
    out = Stream()
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(view)
    return out.getvalue()


class Elements(HTMLParser):
    """Tags, ids and references of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
                self.references.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_page_has_every_section_once(page: str) -> None:
    ids = Elements(page).ids
    assert [i for i in ids if i in SECTIONS] == list(SECTIONS)
    assert len(ids) == len(set(ids))


def test_page_fetches_nothing(page: str) -> None:
    found = Elements(page)
    assert found.references
    # pictures inside the page may be data; everything else points into the page
    assert [r for r in found.references if not r.startswith(("#", "data:image/png"))] == []
    assert {r[1:] for r in found.references if r.startswith("#")} <= set(found.ids)
    assert found.tags.isdisjoint({"script", "link", "iframe", "object", "embed", "base", "img"})
    assert "http" not in page
    assert "@import" not in page
    assert [u for u in re.findall(r"url\(([^)]*)\)", page) if not u.startswith("#")] == []


def test_page_escapes_what_comes_from_documents(page: str) -> None:
    assert "<script" not in page
    assert "&lt;script&gt;alert(" in page
    text = "".join(Elements(page).text)
    assert text.count(HOSTILE) >= 2  # the name and the market's source, as they were written


def test_page_holds_the_numbers(report: Report, page: str) -> None:
    text = "".join(Elements(page).text)
    for row in report.comparison.computed:
        assert row.requirement is not None
        assert f"{row.requirement.initial:,.2f}" in text
        assert f"{row.requirement.maintenance:,.2f}" in text
        assert row.pack.hash() in text
        for component in row.requirement.components:
            assert component.title in text
    assert all(s.label in text for s in report.requirement.scenarios)
    assert report.account.hash() in text


def test_page_is_the_same_each_time(report: Report, page: str) -> None:
    assert render(report) == page


def test_page_of_a_book_without_options_or_collateral() -> None:
    account = pl.Account.from_dict(account_doc({PERP: 1.0}, collateral={}))
    page = render(build_report(account, pl.Market.from_dict(market_doc())))
    assert "holds no live option" in page
    assert "below the line: liquidation" in page


def test_report_of_what_nothing_can_take_is_refused_with_every_reason() -> None:
    account = pl.Account.from_dict(account_doc({"NOTHING-C": 1.0}))
    with pytest.raises(DocumentError, match="unknown_instrument") as refused:
        build_report(account, pl.Market.from_dict(market_doc()))
    assert len(refused.value.problems) >= 2


@pytest.mark.parametrize("name", ["demo_view", "requirement_view", "comparison_view", "lines_view", "surface_view"])
def test_tables_fit_eighty_columns(report: Report, name: str) -> None:
    coarse = surface_of(
        pl.margin_model(PRBM),
        report.account,
        report.market,
        np.linspace(-0.3, 0.3, 13).round(12),
        np.linspace(-0.3, 0.5, 9).round(12),
        np.array([0.0, 7.0]),
    )
    views = {
        "demo_view": lambda: tables.demo_view(report),
        "requirement_view": lambda: tables.requirement_view(report.requirement),
        "comparison_view": lambda: tables.comparison_view(report.comparison),
        "lines_view": lambda: lines_view(tuple(report.lines.values())),
        "surface_view": lambda: tables.surface_view(coarse, report.bindings),
    }
    text = shown(views[name]())
    assert text.strip()
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "…" not in text


def test_requirement_view_says_what_binds_and_adds_up(report: Report) -> None:
    r = report.requirement
    text = shown(tables.requirement_view(r))
    assert HOSTILE in " ".join(text.split())
    assert f"{r.initial:,.2f}" in text
    assert r.binding[0].label in text
    assert health_words(r.health) in text
    assert all(c.evidence in text for c in r.components)


def test_bars_become_ascii_where_the_terminal_is(report: Report) -> None:
    plain = shown(tables.requirement_view(report.requirement, title=False), encoding="ascii")
    assert plain.isascii()
    assert "####" in plain
    assert not shown(tables.requirement_view(report.requirement)).isascii()


def test_surface_table_puts_the_binding_cell_in_brackets(report: Report) -> None:
    binding = report.bindings[0].model_copy(update={"label": "-16% iv +40%"})
    moves, vols = np.array([-0.16, 0.0, 0.16]), np.array([-0.22, 0.0, 0.4])
    shape = surface_of(pl.margin_model(PRBM), report.account, report.market, moves, vols, np.array([0.0, 1.0]))
    text = shown(tables.surface_view(shape, [binding]))
    assert len(re.findall(r"\[-?[\d.,]+\]", text)) == 1
    assert f"[{shape.pnl[0, 2, 0] / 1000:,.1f}]" in text
    far = shown(tables.surface_view(shape, [binding.model_copy(update={"label": "+500% iv +40%"})]))
    assert "lies outside the grid" in far
    assert "[" not in far
    floor = shown(tables.surface_view(shape, [binding.model_copy(update={"label": "short-option floor"})]))
    assert "is no point of this grid" in floor


def test_wide_surfaces_are_cut_into_blocks_that_fit(report: Report) -> None:
    vols = np.linspace(-0.5, 0.5, 21).round(12)
    shape = surface_of(None, report.account, report.market, np.array([-0.1, 0.0]), vols, np.zeros(1))
    text = shown(tables.surface_view(shape))
    assert max(len(line) for line in text.splitlines()) <= 80
    assert all(f"{v * 100:+.4g}%" in text for v in vols if v)


def test_every_figure_draws_its_labels(report: Report) -> None:
    r = report.requirement
    drawn = {
        "surface": (
            figures.surface_figure(report.surface, report.bindings, (r.rules,)),
            [r.binding[0].label, "P&amp;L"],
        ),
        "models": (figures.model_figure(report.comparison), [row.label for row in report.comparison.computed]),
        "shares": (figures.contribution_figure(r), [s.subject for s in r.shares]),
        "scenarios": (figures.scenario_figure(r), [s.label for s in r.scenarios]),
        "line": (figures.line_figure(report.lines[report.lead.label]), ["net equity", "BTC moves alone"]),
    }
    smile = figures.smile_figure(report.account, report.market)
    assert smile is not None
    drawn["smiles"] = (smile, ["BTC 31 Jan 2026, 30 d", "long", "short"])
    for name, (figure, labels) in drawn.items():
        svg = figures.inline_svg(figure, name, "a <picture>")
        assert svg.startswith('<svg role="img" aria-label="a &lt;picture&gt;"')
        assert [text for text in labels if text not in svg] == [], name
        assert all(i.startswith(f"{name}-") for i in re.findall(r'\bid="([^"]+)"', svg))


def test_binding_scenario_beyond_the_grid_is_an_arrow_inside_the_panel(report: Report) -> None:
    for label, edge in (("+500% iv +40%", 1), ("-90% iv +40%", 0)):
        binding = report.bindings[0].model_copy(update={"label": label})
        panel = figures.surface_figure(replace(report.surface, days=report.surface.days[:1]), [binding]).axes[0]
        arrow, text = panel.texts[-2:]
        assert text.get_text().endswith(label)
        low, high = panel.get_xlim()
        assert arrow.xy[0] == pytest.approx((low, high)[edge])  # type: ignore[attr-defined]
        assert low < text.xy[0] < high  # type: ignore[attr-defined]


def test_heat_map_is_centred_at_zero(report: Report) -> None:
    figure = figures.surface_figure(report.surface)
    low, high = figure.axes[-1].get_ylim()
    assert low == pytest.approx(-high)
    assert high == pytest.approx(np.abs(report.surface.pnl).max())


def test_surface_of_one_row_still_draws(report: Report) -> None:
    shape = surface_of(None, report.account, report.market, np.array([-0.1, 0.0, 0.1]), np.zeros(1), np.zeros(1))
    assert "<path" in figures.inline_svg(figures.surface_figure(shape), "thin", "thin")


def test_more_shares_than_bars_are_summed_in_the_last(report: Report) -> None:
    panel = figures.contribution_figure(report.requirement, top=2).axes[0]
    widths = [bar.get_width() for bar in panel.patches]  # type: ignore[attr-defined]
    assert len(widths) == 3
    assert sum(widths) == pytest.approx(report.requirement.initial)


def test_saved_pictures_are_what_their_names_say(report: Report, tmp_path: Path) -> None:
    figure = figures.surface_figure(report.surface)
    for name, start in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml")):
        figures.save(figure, str(tmp_path / name))
        assert (tmp_path / name).read_bytes().startswith(start)
    for path in (tmp_path / "a.gif", tmp_path / "none" / "a.png"):
        with pytest.raises(DocumentError, match="--output"):
            figures.save(figure, str(path))


def test_demo_writes_the_page_and_prints_the_story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "report.html"
    assert run(["demo", "-o", str(target), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["report"] == str(target)
    assert len([r for r in said["comparison"]["rows"] if r["initial"]]) >= 2
    assert {d["rules"]: d for d in said["liquidation"]}[said["requirement"]["rules"]]["above"]
    assert target.read_text().startswith("<!doctype html>")
    assert run(["demo", "-o", str(tmp_path / "none" / "report.html")]) == 2
    assert "--output" in capsys.readouterr().err


def test_surface_command(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "surface.svg"
    grid = ["--moves=-16:16:5", "--vols=-22,0,40", "--days", "0", "-o", str(target)]
    assert run(["surface", *files, *grid]) == 0
    assert "binding: BTC" in capsys.readouterr().out
    assert target.stat().st_size > 1000
    assert run(["surface", *files, *grid, "--json", "--rules", "derive-pmrm2@2026-01-01"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["rules"].startswith("derive-pmrm2@")
    assert np.shape(said["pnl"]) == (1, 3, 5)
    assert said["pnl"][0][1][2] == 0.0
    assert run(["surface", *files, "--moves", "nonsense"]) == 2
    assert "--moves" in capsys.readouterr().err


def test_compare_command(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", *files]) == 0
    assert "prbm@" in capsys.readouterr().out
    assert run(["compare", *files, "--json", "-r", PRBM]) == 0
    assert [r["model"] for r in json.loads(capsys.readouterr().out)["rows"]] == ["prbm"]
    Path(files[1]).write_text(json.dumps(account_doc({"NOTHING": 1.0})))
    assert run(["compare", *files]) == 2
    assert "unknown_instrument" in capsys.readouterr().out
    assert run(["compare", *files, "-r", "none@2026-01-01"]) == 2


def test_words_for_lines_and_amounts(report: Report) -> None:
    found = next(iter(report.lines.values()))
    pool = found.pools[0]
    low = replace(pool.lines[0], move=-0.12342, multiplier=1 - 0.12342, deviations=2.0)
    high = replace(low, move=0.2, multiplier=1.2, deviations=None)

    def words(above: bool, *lines: Line, subjects: tuple[str, ...] = ("account",)) -> str:
        pools = tuple(replace(pool, subject=s, above=above, lines=lines) for s in subjects)
        return line_words(replace(found, pools=pools))

    assert words(True, low, high) == "the line is reached at -12.34% (2 daily sd) or +20%"
    assert words(True) == "above the line for every move from -60% to +60%"
    assert words(False, high) == "below the line now; back above it at +20%"
    assert words(True, high, replace(high, multiplier=1.3)).endswith("+20%, 1 further")
    assert words(True, high, subjects=("shared", "BTC-PERP")).startswith(
        "shared: the line is reached at +20%; BTC-PERP:"
    )
    assert scenario_point("-4.5% linear skew") is None
    assert scenario_point("0%") == (0.0, 0.0)
    assert [short_money(x) for x in (-0.001, 9.999e5, 1e12)] == ["$0", "$1.00m", "$1000bn"]
    assert health_words(None) == "nothing required"


def test_futures_stand_in_the_holdings(page: str, report: Report) -> None:
    account = pl.Account.from_dict(account_doc({FUTURE: 2.0, CALL: 1.0}))
    text = "".join(Elements(render(build_report(account, report.market))).text)
    assert "linear future" in text


# --- amounts in coin ---------------------------------------------------------------------------------------------


def words_of(figure: Figure) -> list[str]:
    """Every text of a figure that is drawn."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", figures.inline_svg(figure, "name", "description"))


def test_axes_and_bars_of_an_account_in_coin_carry_no_dollar_sign(report: Report) -> None:
    rules = report.lead.rules
    coined = replace(report.lines[rules], currency="BTC")
    assert any("$" in word for word in words_of(figures.line_figure(report.lines[rules])))
    assert not any("$" in word for word in words_of(figures.line_figure(coined)))
    shares = tuple(s.model_copy(update={"initial": s.initial / 1e7}) for s in report.requirement.shares)
    small = report.requirement.model_copy(update={"currency": "BTC", "shares": shares})
    told = words_of(figures.contribution_figure(small))
    assert not any("$" in word for word in told)
    assert {f"{s.initial:.4f} BTC" for s in shares} <= set(told)
    assert not any("$" in word for word in words_of(figures.scenario_figure(small)))


def test_no_two_terms_of_a_model_look_alike_and_what_cannot_be_seen_is_not_named(report: Report) -> None:
    (row,) = [row for row in report.comparison.computed if row.rules == report.lead.rules]
    assert row.requirement is not None
    first = row.requirement.components[0]
    terms = tuple(
        first.model_copy(update={"title": f"term {i}", "initial": 0.5 if i == 20 else 1_000.0}) for i in range(21)
    )
    full = row.requirement.model_copy(update={"components": terms, "initial": 20_000.5})
    figure = figures.model_figure(replace(report.comparison, rows=(replace(row, requirement=full),)))
    (axes,) = figure.axes
    looks = {str(b.get_label()): (b.patches[0].get_facecolor(), b.patches[0].get_hatch()) for b in axes.containers}
    assert set(looks) == {f"term {i}" for i in range(20)}
    assert len(set(looks.values())) == 20


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert (number(-1e-10, "BTC", 2), signed(-1e-10, "BTC"), signed(1e-10, "USD")) == ("0.000000", "0.000000", "0.00")
    assert (number(-0.25, "BTC"), signed(-0.25, "BTC"), signed(1234.5, "USD")) == ("-0.2500", "-0.250000", "+1,234.50")
