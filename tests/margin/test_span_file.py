"""Files of risk arrays: both layouts, margins from them by hand, and what is refused with its place."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from plimsoll.cli import run as main
from plimsoll.margin.house.span_file import parse_span_json, parse_spn, read_span
from plimsoll.margin.path import States
from plimsoll.margin.rules import load_rules

FUTURE = [0, 0, -320, -320, 320, 320, -640, -640, 640, 640, -960, -960, 960, 960, -950, 950]
LATER = [0, 0, -330, -330, 330, 330, -660, -660, 660, 660, -990, -990, 990, 990, -980, 980]
CALL = [-40, 38, -190, -120, 60, 130, -380, -300, 150, 170, -600, -540, 180, 190, -780, 64]
GAS = [0, 0, -100, -100, 100, 100, -200, -200, 200, 200, -300, -300, 300, 300, -297, 297]


def ra(values: list[int], delta: float, rate: int = 1) -> str:
    return f"<ra><r>{rate}</r>{''.join(f'<a>{v}.00</a>' for v in values)}<d>{delta}</d></ra>"


def leg(tag: str, place: str, side: str, ratio: float = 1.0, cc: str = "OIL") -> str:
    name = "tn" if tag == "tLeg" else "pe"
    return f"<{tag}><cc>{cc}</cc><{name}>{place}</{name}><rs>{side}</rs><i>{ratio}</i></{tag}>"


SPN = f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<spanFile>
<fileFormat>4.00</fileFormat>
<definitions><currencyDef><currency>USD</currency><decimalPos>0</decimalPos></currencyDef></definitions>
<pointInTime>
<date>20260130</date>
<clearingOrg>
<ec>TOY</ec>
<ccDef>
<cc>OIL</cc><currency>USD</currency><somMeth>GROSS</somMeth>
<pfLink><exch>TOY</exch><pfId>7</pfId><pfCode>CL</pfCode><pfType>FUT</pfType></pfLink>
<pfLink><exch>TOY</exch><pfId>8</pfId><pfCode>LO</pfCode><pfType>OOF</pfType></pfLink>
<intraTiers>
<tier><tn>1</tn><sPe>202603</sPe><ePe>202603</ePe></tier>
<tier><tn>2</tn><sPe>202604</sPe><ePe>202612</ePe></tier>
</intraTiers>
<dSpread><spread>2</spread><chargeMeth>F</chargeMeth><rate><r>1</r><val>90.0</val></rate>
{leg("tLeg", "2", "A")}{leg("tLeg", "2", "B")}</dSpread>
<dSpread><spread>1</spread><chargeMeth>F</chargeMeth><rate><r>1</r><val>120.0</val></rate>
{leg("tLeg", "1", "A")}{leg("tLeg", "2", "B")}</dSpread>
<spotRate><r>1</r><pe>202603</pe><sprd>15.0</sprd><outr>30.0</outr></spotRate>
<somTiers><tier><tn>0</tn><rate><r>1</r><val>25.0</val></rate></tier></somTiers>
</ccDef>
<ccDef>
<cc>GAS</cc><currency>USD</currency>
</ccDef>
<interSpreads>
<dSpread><spread>1</spread><chargeMeth>P</chargeMeth><rate><r>1</r><val>0.60</val></rate>
{leg("tLeg", "0", "A", 1.0, "OIL")}{leg("tLeg", "0", "B", 2.0, "GAS")}</dSpread>
</interSpreads>
<exchange>
<exch>TOY</exch>
<futPf><pfId>7</pfId><pfCode>CL</pfCode><cvf>100.0</cvf>
<fut><cId>1</cId><pe>202603</pe><p>65.10</p><d>1.0</d>{ra([x + 5 for x in FUTURE], 1.0, 2)}{ra(FUTURE, 1.0)}</fut>
<fut><cId>2</cId><pe>202604</pe><p>65.40</p><d>1.0</d>{ra(LATER, 1.0)}</fut>
</futPf>
<oofPf><pfId>8</pfId><pfCode>LO</pfCode><cvf>100.0</cvf>
<series><pe>202604</pe>
<opt><cId>3</cId><o>C</o><k>70.00</k><p>1.25</p><d>0.31</d>{ra(CALL, 0.31)}</opt>
<opt><cId>4</cId><o>C</o><k>140.0</k><p>0.01</p><d>0.0</d>{ra([0] * 16, 0.0)}</opt>
</series>
</oofPf>
<futPf><pfId>9</pfId><pfCode>GAS</pfCode><cvf>10.0</cvf>
<fut><cId>5</cId><pe>202603</pe><p>3.10</p><d>1.0</d><sc>0.5</sc>{ra(GAS, 1.0)}</fut>
</futPf>
<phyPf><pfId>1</pfId><pfCode>NOTHELD</pfCode><phy><cId>1</cId><p>1.0</p></phy></phyPf>
</exchange>
</clearingOrg>
</pointInTime>
</spanFile>
"""


def rules() -> pl.Rules:
    return parse_spn(SPN.encode("latin-1"), "toy.spn")


def margin(held: dict[str, float], pack: pl.Rules | None = None, **fields: Any) -> pl.Requirement:
    rows = [{"instrument": n, "quantity": q} for n, q in held.items()]
    head = {"schema": "plimsoll.account", "schema_version": 1, "positions": rows}
    account = pl.Account.from_dict(head | fields)
    market = pl.Market.from_dict({"schema": "plimsoll.market", "schema_version": 1, "time": "2026-01-30T21:00:00Z"})
    return pl.margin_model(pack or rules()).requirement(account, market)


@pytest.mark.rule("SPAN-16", "SPAN-17")
def test_margins_from_a_classic_file_by_hand() -> None:
    found = rules()
    assert (found.label, found.currency, found.decimals) == ("span-arrays@2026-01-30", "USD", 0)
    assert found.until == found.effective
    names = ["CL-202603", "CL-202604", "GAS-202603", "LO-202604-140-C", "LO-202604-70-C"]
    assert sorted(found.parameters["contracts"]) == names
    # one future: the whole range down; the spot month costs 30 more
    one = margin({"CL-202603": 1.0})
    assert (one.maintenance, one.charged.maintenance) == (990.0, 990)
    assert one.binding[0].label == "scenario 13"
    # long March against April: scan of the difference 30, one spread 120, spot month consumed 15
    spread = margin({"CL-202603": 1.0, "CL-202604": -1.0})
    w = spread.workings
    assert (w["OIL.scan"], w["OIL.calendar"], w["OIL.spot"]) == (30.0, 120.0, 15.0)
    assert spread.maintenance == 165.0
    # three sold calls: scan 3 * 780 in the extreme move up, above the minimum of 3 * 25; delta -0.93, premium owed
    calls = margin({"LO-202604-70-C": -3.0}, collateral={"USD": 5_000.0})
    assert calls.maintenance == 2_340.0
    assert calls.binding[0].label == "scenario 15"
    assert calls.workings["OIL.composite_delta"] == pytest.approx(-0.93)
    assert calls.net_equity == pytest.approx(5_000.0 - 3 * 125.0)
    # options that no scenario reaches: the minimum
    far = margin({"LO-202604-140-C": -4.0})
    assert (far.maintenance, far.binding[0].label) == (100.0, "short-option minimum")
    # one oil against four gas (delta 0.5 each): one spread takes 1 and 2 deltas, all of both; 60 % given back
    inter = margin({"CL-202604": 1.0, "GAS-202603": -4.0})
    assert (inter.workings["OIL.credit"], inter.workings["GAS.credit"]) == (pytest.approx(594.0), pytest.approx(720.0))
    assert inter.maintenance == pytest.approx(990.0 - 594.0 + 1_200.0 - 720.0)
    same = margin({"CL-202604": 1.0, "GAS-202603": 4.0})
    assert same.maintenance == pytest.approx(990.0 + 1_200.0)


@pytest.mark.rule("SPAN-17")
def test_profit_and_shares_of_a_files_contracts() -> None:
    rows = [{"instrument": "CL-202603", "quantity": 2.0, "entry_price": 64.0}]
    found = margin({}, positions=rows, collateral={"USD": 10.0})
    assert found.net_equity == pytest.approx(10.0 + 2.0 * 100.0 * 1.10)
    assert sum(s.maintenance for s in found.shares) == pytest.approx(found.maintenance)
    orders = [{"instrument": "CL-202603", "quantity": 1.0, "price": 60.0}]
    assert margin({"CL-202603": 1.0}, orders=orders).failures[0].reason.value == "orders_not_charged"


@pytest.mark.rule("SPAN-17")
def test_what_the_file_does_not_know_is_refused() -> None:
    with pytest.raises(
        pl.DocumentError, match=r"account.positions\[0\].instrument.*'CL-209912'.*one of the 5 contracts"
    ):
        margin({"CL-209912": 1.0})
    with pytest.raises(pl.DocumentError, match=r"account.collateral.EUR"):
        margin({"CL-202603": 1.0}, collateral={"EUR": 1.0})
    model = pl.margin_model(rules())
    market = pl.Market.from_dict({"schema": "plimsoll.market", "schema_version": 1, "time": "2026-01-30T21:00:00Z"})
    with pytest.raises(pl.DocumentError, match="hold at the prices of their file"):
        model.along(pl.Account(), market, States({}, np.ones(1)))


@pytest.mark.rule("SPAN-16")
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<a>0.00</a><a>0.00</a><a>-330.00</a>", "<a>0.00</a><a>-330.00</a>", r"line \d+: ra: got '15 elements a'"),
        ("<a>-330.00</a>", "<a>much</a>", r"line \d+: a: got 'much'; allowed: a number"),
        ("<o>C</o><k>70.00</k>", "<o>X</o><k>70.00</k>", r"line \d+: opt.o: got 'X'; allowed: C or P"),
        ("<o>C</o><k>70.00</k>", "<o>C</o>", r"line \d+: opt.k: got 'nothing'"),
        ("<k>140.0</k>", "<k>70</k>", r"line \d+: opt: got 'LO-202604-70-C'; allowed: each contract once"),
        ("<chargeMeth>F</chargeMeth>", "<chargeMeth>P</chargeMeth>", r"line \d+: dSpread.chargeMeth: got 'P'"),
        ("<rs>B</rs>", "<rs>A</rs>", r"line \d+: dSpread.rs"),
        ("<val>0.60</val>", "<val>60</val>", r"line \d+: dSpread.rate: got '?60.0'?; allowed: a part"),
        ("<val>120.0</val>", "<val>-1</val>", r"line \d+: val: got '-1'; allowed: a number of at least 0"),
        ("<somMeth>GROSS</somMeth>", "<somMeth>MAX</somMeth>", r"line \d+: ccDef.somMeth: got 'MAX'"),
        ("<ePe>202612</ePe>", "<ePe>202603</ePe>", r"line \d+: intraTiers: got 'no tier for 202604'"),
        ("<cc>GAS</cc><currency>USD</currency>", "<cc>GAS</cc><currency>EUR</currency>", r"line \d+: ccDef.currency"),
        ("<date>20260130</date>", "<date>20261330</date>", "effective"),
        ("<date>20260130</date>", "", r"line \d+: spanFile.date: got 'nothing'"),
        ("</clearingOrg>", "</clearing>", r"line \d+: got 'mismatched tag'; allowed: well-formed XML"),
        ("<spanFile>\n<file", "<other>\n<file", "well-formed XML"),
        ('encoding="ISO-8859-1"', 'encoding="klingon"', "XML"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(old: str, new: str, words: str) -> None:
    assert old in SPN
    with pytest.raises(pl.DocumentError, match=words):
        parse_spn(SPN.replace(old, new).encode("latin-1"), "toy.spn")


@pytest.mark.rule("SPAN-16")
def test_nothing_is_expanded_and_nothing_is_deep() -> None:
    entities = '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">'
    bomb = f'<?xml version="1.0"?>\n<!DOCTYPE spanFile [{entities}]>\n<spanFile>&b;</spanFile>'
    with pytest.raises(pl.DocumentError, match=r"line 2: got 'a document type \(DOCTYPE\)'"):
        parse_spn(bomb.encode(), "bomb.spn")
    outside = '<!DOCTYPE spanFile SYSTEM "file:///etc/passwd"><spanFile/>'
    with pytest.raises(pl.DocumentError, match="DOCTYPE"):
        parse_spn(outside.encode(), "outside.spn")
    with pytest.raises(pl.DocumentError, match="elements more than 40 deep"):
        parse_spn(b"<spanFile>" * 5_000, "deep.spn")
    with pytest.raises(pl.DocumentError, match="undefined entity"):
        parse_spn(b"<spanFile>&lol;</spanFile>", "entity.spn")
    bare = b"<spanFile><pointInTime><date>20260101</date><clearingOrg/></pointInTime></spanFile>"
    for empty in (b"<x/>", b"<spanFile/>", bare):
        with pytest.raises(pl.DocumentError, match="line 1"):
            parse_spn(empty, "empty.spn")


@pytest.mark.rule("SPAN-16")
def test_strikes_are_named_as_they_are_written() -> None:
    text = SPN.replace("<k>70.00</k>", "<k>1250000.50</k>").replace("<k>140.0</k>", "<k>0.00012500</k>")
    names = set(parse_spn(text.encode("latin-1")).parameters["contracts"])
    assert {"LO-202604-1250000.5-C", "LO-202604-0.000125-C"} < names


@pytest.mark.rule("SPAN-16")
@given(st.lists(st.tuples(st.integers(0, len(SPN) - 1), st.integers(0, 40), st.binary(max_size=12)), max_size=4))
def test_a_mangled_file_is_read_or_refused_and_nothing_else(cuts: list[tuple[int, int, bytes]]) -> None:
    data = SPN.encode("latin-1")
    for at, size, new in cuts:
        data = data[:at] + new + data[at + size :]
    read = None
    with suppress(pl.DocumentError):
        read = pl.margin_model(parse_spn(data, "mangled.spn"))
    assert read is None or read.parameters.contracts


@pytest.mark.rule("SPAN-16")
def test_spreads_by_month_make_each_month_its_own_tier() -> None:
    text = re.sub(r"<dSpread><spread>2.*?</dSpread>", "", SPN, count=1, flags=re.S)
    by_month = leg("pLeg", "202603", "A", 2.0) + leg("pLeg", "202604", "B")
    text = text.replace(leg("tLeg", "1", "A") + leg("tLeg", "2", "B"), by_month)
    found = parse_spn(text.encode("latin-1"))
    assert list(found.parameters["commodities"]["OIL"]["tiers"]) == ["202603", "202604"]
    spread = margin({"CL-202603": 2.0, "CL-202604": -1.0}, found)
    # one spread takes two of March and one of April
    assert spread.workings["OIL.calendar"] == 120.0
    assert spread.workings["OIL.spot"] == 2 * 15.0
    mixed = SPN.replace(leg("tLeg", "2", "A") + leg("tLeg", "2", "B"), by_month)
    with pytest.raises(pl.DocumentError, match=r"line \d+: ccDef.dSpread: got 'legs by month and legs by tier'"):
        parse_spn(mixed.encode("latin-1"))


JSON: dict[str, Any] = {
    "schema": "plimsoll.span-arrays",
    "schema_version": 1,
    "date": "2026-01-30",
    "currency": "USD",
    "decimals": 0,
    "commodities": {"BTC": {"tiers": {"near": {"months": ["202602"]}}, "short_option": 25.0}},
    "contracts": {
        "BTC-202602": {
            "commodity": "BTC",
            "month": "202602",
            "kind": "future",
            "price": 80_000.0,
            "factor": 0.1,
            "delta": 1.0,
            "array": [float(x) for x in FUTURE],
        }
    },
}


@pytest.mark.rule("SPAN-16")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": "plimsoll.rules"}, "schema"),
        ({"schema_version": 2}, "schema_version"),
        ({"colour": 1}, "colour: got an unknown field"),
        ({"date": "30.1.2026"}, "effective"),
        ({"decimals": -1}, "decimals"),
        ({"commodities": {}}, "contracts.BTC-202602.commodity"),
    ],
)
def test_our_own_form_is_read_strictly(changes: dict[str, Any], words: str) -> None:
    good = parse_span_json(JSON, "toy.json")
    assert margin({"BTC-202602": -2.0}, good).charged.initial == 1_920
    with pytest.raises(pl.DocumentError, match=re.escape(words)):
        pl.margin_model(parse_span_json({**JSON, **changes}, "toy.json"))


@pytest.mark.rule("SPAN-16")
def test_the_command_writes_a_pack_that_margin_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "toy.spn").write_text(SPN, encoding="latin-1")
    (tmp_path / "toy.json").write_text(json.dumps(JSON), encoding="utf-8")
    out = tmp_path / "packs"
    assert main(["rules", "import", "span", str(tmp_path / "toy.spn"), "-o", str(out)]) == 0
    told = capsys.readouterr().out
    assert "2 combined commodities, 5 contracts of 2026-01-30" in told
    (pack,) = out.iterdir()
    assert load_rules(str(pack)).parameters == rules().parameters
    assert read_span(tmp_path / "toy.json").label == "span-arrays@2026-01-30"
    assert main(["rules", "import", "span", str(tmp_path / "toy.json"), "-o", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["contracts"] == 1
    (tmp_path / "none").write_text("hello", encoding="utf-8")
    assert main(["rules", "import", "span", str(tmp_path / "none"), "-o", str(out)]) == 2
    assert "neither < nor {" in capsys.readouterr().err
