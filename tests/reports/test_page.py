"""A run on one HTML page."""

from __future__ import annotations

import base64

from rios_flows.reports.page import page


def test_pictures_come_first_and_nothing_is_markup() -> None:
    whole = page("a <b>", "1 < 2 & 3", {"time > space": b"png"})
    assert "<title>a &lt;b&gt;</title>" in whole
    assert "<pre>1 &lt; 2 &amp; 3</pre>" in whole
    assert "data:image/png;base64," + base64.b64encode(b"png").decode() in whole
    assert whole.index("data:image/png") < whole.index("<pre>")
    assert 'alt="time &gt; space"' in whole
