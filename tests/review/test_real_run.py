"""Can a person review what `lait curate` really writes?"""

from pathlib import Path

from lxml import html as lxml_html

from lait.config import CurateConfig
from lait.curate import curate
from review.grid import grid_page
from review.load import open_run
from review.plots import funnel_chart, histogram_charts
from review.sample import stratified
from tests.review import hostile


def test_a_run_over_a_real_archive_opens_and_shows(shared_data: Path, tmp_path: Path) -> None:
    archive = shared_data / "warc" / "govuk-2014.warc.gz"
    settings = CurateConfig()
    funnel = curate([str(archive)], tmp_path / "run", config=settings, relevance=None)
    run = open_run(tmp_path / "run")
    assert run.bounds["min_side_px"] == settings.filter.min_side_px
    sums = f"seen {funnel.seen:,} = kept {funnel.kept:,} + dropped {funnel.dropped:,}"
    assert sums in funnel_chart(run.manifest).markup
    assert "main_score" in histogram_charts(run).markup

    strata = stratified(run)
    assert sum(stratum.count for stratum in strata) == funnel.seen > 10
    page = grid_page(run, strata)
    assert hostile.offences(page) == []
    cards = lxml_html.document_fromstring(page).xpath("//figure")
    assert len(cards) == sum(len(stratum.candidate_ids) for stratum in strata)
    assert page.count('src="data:image/jpeg;base64,') > 0
