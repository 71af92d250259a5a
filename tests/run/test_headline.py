"""The sentence at the top of the first page, read as its reader sees it."""

import pytest

from analysis.run.headline import read_headline

RISES = """<p><span class="kpi">7 in 10</span> active users did not come back within
<span class="kpi">30 days</span></p>"""


@pytest.mark.parametrize(
    ("page", "headline"),
    [
        (f'<div class="cb-claim cb-claim-pass cb-claim-lead" id="claim-direction">{RISES}</div>',
         {"text": "7 in 10 active users did not come back within 30 days", "status": "pass"}),
        ('<div class="cb-claim cb-claim-lead cb-claim-fail" id="claim-direction"><p>Withdrawn: why</p></div>',
         {"text": "Withdrawn: why", "status": "fail"}),
        ('<div class="cb-claim cb-claim-warn" id="claim-direction"><p><span class="kpi">7 in 10'
         '<a class="kpi-mark">!<span class="cb-hidden">caution</span></a></span> left</p></div>',
         {"text": "7 in 10 left", "status": "warn"}),
        ('<article><section><h1>Report</h1><p class="cb-about">9 users</p><p>Churn cannot be'
         ' measured.</p><p>More.</p></section></article>',
         {"text": "Churn cannot be measured.", "status": ""}),
        (f"<h1>Report</h1>{RISES}", {}),
    ],
)  # fmt: skip
def test_it_is_the_claim_on_direction_with_its_status(tmp_path, page, headline):
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    assert read_headline(tmp_path / "index.html") == headline
