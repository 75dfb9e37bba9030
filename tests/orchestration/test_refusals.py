"""What a server refuses, in two lines; `setup` shows them in tests/cli."""

from __future__ import annotations

import httpx
import pytest
from prefect.exceptions import ObjectAlreadyExists, PrefectException

from rios_flows.orchestration.refusals import refusals_told
from rios_flows.rioserrors import UnavailableError


def refused(code: int, **content: object) -> httpx.HTTPStatusError:
    request = httpx.Request("POST", "http://me:secret@127.0.0.1:9/api/automations/")
    answer = httpx.Response(code, request=request, **content)  # type: ignore[arg-type]
    return httpx.HTTPStatusError("told by httpx", request=request, response=answer)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (refused(403, json={"detail": "no"}), "403 Forbidden (no)\nAsk its administrator"),
        (ObjectAlreadyExists(http_exc=refused(409)), "409 Conflict\nSomebody else"),
        (refused(422, json=["a", "b"]), "422 Unprocessable Entity (['a', 'b'])\nDo as it says."),
        (refused(500, text="a\nb"), "500 Internal Server Error (a)\nLook into"),
        (refused(502, html="<html>" + "x" * 5000), "502 Bad Gateway\nLook into"),
        (refused(499, text="x" * 5000), f"499  ({'x' * 200})\nDo as it says."),
    ],
)
def test_refusals(error: Exception, told: str) -> None:
    with pytest.raises(UnavailableError) as caught, refusals_told():
        raise error
    text = str(caught.value)
    assert text.startswith("POST http://127.0.0.1:9/api/automations/ was refused: ")
    assert told in text
    assert len(text.splitlines()) == 2


def test_other_errors_stay() -> None:
    for error in (PrefectException("a"), ValueError("b")):
        with pytest.raises(type(error)) as caught, refusals_told():
            raise error
        assert caught.value is error
