"""Do the pictures say what the numbers say?"""

from dataclasses import replace

from lxml import etree

from review.load import open_run
from review.plots import by_stage, funnel_chart, histogram_charts
from review.scores import histograms
from shards.manifest import FunnelRow
from tests.review.conftest import RunMaker


def svg_texts(markup: str) -> list[str]:
    return [str(node) for node in etree.fromstring(markup).itertext()]


def test_the_funnel_adds_up_on_screen(make_run: RunMaker) -> None:
    chart = funnel_chart(open_run(make_run()).manifest)
    words = [" ".join(words.split()) for words in svg_texts(chart.markup)]
    assert words == [
        "page", "80 left, −20", "language 20",
        "text", "60 left, −20", "text_short 20",
        "size", "40 left, −20", "min_side 20",
        "relevance", "20 left, −20", "relevance 20",
        "seen 100 = kept 20 + dropped 80",
    ]  # fmt: skip


def test_a_step_that_dropped_nothing_says_so(make_run: RunMaker) -> None:
    rows = (
        FunnelRow(stage="natural", reason="", count=0),
        FunnelRow(stage="relevance", reason="no model", count=0),
    )
    manifest = replace(open_run(make_run([])).manifest, funnel=rows)
    words = [" ".join(words.split()) for words in svg_texts(funnel_chart(manifest).markup)]
    assert words[:4] == ["natural", "0 left", "relevance", "0 left"]
    assert words[4:] == ["no model", "seen 0 = kept 0 + dropped 0"]


def test_bars_are_as_long_as_their_share(make_run: RunMaker) -> None:
    svg = etree.fromstring(funnel_chart(open_run(make_run()).manifest).markup)
    widths = [float(rect.get("width")) for rect in svg.iter("rect")]
    assert widths == [464.0, 116.0, 348.0, 116.0, 232.0, 116.0, 116.0, 116.0]


def test_steps_come_in_the_order_of_the_cascade() -> None:
    rows = [
        FunnelRow(stage="unheard_of", reason="new", count=9),
        FunnelRow(stage="relevance", reason="relevance", count=1),
        FunnelRow(stage="text", reason="text_oov", count=1),
        FunnelRow(stage="text", reason="text_short", count=5),
        FunnelRow(stage="page", reason="language", count=1),
    ]
    ordered = [(stage, [row.reason for row in found]) for stage, found in by_stage(rows)]
    assert ordered == [
        ("page", ["language"]),
        ("text", ["text_short", "text_oov"]),
        ("relevance", ["relevance"]),
        ("unheard_of", ["new"]),
    ]


def test_each_threshold_is_a_rule_in_its_place(make_run: RunMaker) -> None:
    run = open_run(make_run())
    markup = histogram_charts(run).markup
    panels = {panel.findtext("text"): panel for panel in etree.fromstring(markup).iter("svg")}
    places = {
        score: [float(rule.get("x1")) for rule in panel.iter("line")]
        for score, panel in panels.items()
    }
    assert places["relevance"] == [10 + 290 / 2]  # 0.5 on an axis from 0 to 1
    assert places["main_score"] == []
    assert places["pixels"] == [300]  # 64M, the upper end of a logarithmic axis
    words = next(h for h in histograms(run) if h.score == "words")
    axis = words.edges[-1] - words.edges[0]
    expected = [10 + 290 * (bound - words.edges[0]) / axis for bound in (3, 64)]
    assert places["words"] == [round(x, 1) for x in expected]
    assert "min_relevance 0.5: 20 below" in svg_texts(etree.tostring(panels["relevance"]).decode())


def test_pictures_are_well_formed_and_plain(make_run: RunMaker) -> None:
    run = open_run(make_run())
    for chart in (funnel_chart(run.manifest), histogram_charts(run)):
        allowed = {"div", "p", "b", "svg", "g", "title", "rect", "text", "line"}
        assert {node.tag for node in etree.fromstring(chart.markup).iter()} <= allowed


def test_an_empty_run_is_drawn_too(make_run: RunMaker) -> None:
    run = open_run(make_run([]))
    assert "seen 0 = kept 0 + dropped 0" in funnel_chart(run.manifest).markup
    assert "<svg" not in histogram_charts(run).markup
