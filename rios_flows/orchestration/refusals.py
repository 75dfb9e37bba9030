"""What a Prefect server refuses, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import responses

import httpx
from prefect.exceptions import PrefectException

from rios_flows.basics.errortext import summary_of
from rios_flows.orchestration.api_settings import without_password
from rios_flows.rioserrors import UnavailableError

#: Longest text of a server that is told (characters).
_LONGEST = 200

_REMEDIES = {
    401: "set PREFECT_API_AUTH_STRING, or PREFECT_API_KEY, to what the server asks for",
    403: "ask its administrator for the permission, or for credentials that have it",
    404: "is it a Prefect server of this version? PREFECT_API_URL ends in /api",
    409: "somebody else has made the same meanwhile; do it once more",
}
_OF_SERVER = "look into the server's log, and do it once more"


@contextmanager
def refusals_told() -> Iterator[None]:
    """Raise UnavailableError, in two lines, where a server refuses something or has gone."""
    try:
        yield
    except (httpx.HTTPError, PrefectException) as error:
        # Prefect wraps what it has a name for
        cause = getattr(error, "http_exc", error)
        if isinstance(cause, httpx.HTTPStatusError):
            raise UnavailableError(_refusal(cause)) from error
        if isinstance(cause, httpx.RequestError):
            raise UnavailableError(_silence(cause)) from error
        raise


def _refusal(error: httpx.HTTPStatusError) -> str:
    request, code = error.request, error.response.status_code
    remedy = _REMEDIES.get(code, _OF_SERVER if code >= 500 else "do as it says")
    return (
        f"{request.method} {without_password(str(request.url))} was refused: {code} "
        f"{responses.get(code, '')}{_detail(error.response)}\n{remedy[0].upper()}{remedy[1:]}."
    )


def _detail(answer: httpx.Response) -> str:
    try:
        words = answer.json()
        text = str(words.get("detail", words) if isinstance(words, dict) else words)
    except ValueError:
        text = "" if "html" in answer.headers.get("content-type", "") else answer.text
    first = text.strip().partition("\n")[0]
    return f" ({first[:_LONGEST]})" if first else ""


def _silence(error: httpx.RequestError) -> str:
    return (
        f"{without_password(str(error.request.url))} does not answer any more: "
        f"{summary_of(error)}\nStart the server again, and do it once more."
    )
