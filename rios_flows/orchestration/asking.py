"""Questions to a Prefect API without Prefect's client, whose import takes seconds."""

from __future__ import annotations

import ssl
from base64 import b64encode
from typing import TYPE_CHECKING

from rios_flows.basics.errortext import summary_of

if TYPE_CHECKING:
    import httpx

#: Longest wait for an answer (s).
_PATIENCE = 5.0


def why_unreachable(url: str) -> str:
    """Return why an API does not answer; nothing if it does."""
    import httpx

    try:
        answer = _get(url, "health")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return summary_of(error)
    if "html" in answer.headers.get("content-type", ""):
        return "what answers is a web page; the URL of an API ends in /api"
    # one with a password is there, too
    return "" if answer.status_code in (200, 401, 403) else f"status {answer.status_code}"


def version_of(url: str) -> str:
    """Return the version of the server of an API; nothing if it does not tell."""
    import httpx

    try:
        answer = _get(url, "admin/version")
        told = answer.json() if answer.status_code == 200 else ""
    except (httpx.HTTPError, ValueError):
        return ""
    return told if isinstance(told, str) else ""


def is_csrf_protected(url: str) -> bool:
    """Return whether an API takes changes only with a token, which it gives for an hour."""
    import httpx

    try:
        return _get(url, "csrf-token?client=rios-flows").status_code == 200
    except httpx.HTTPError:
        return False


def credentials() -> dict[str, str]:
    """Return the headers with which Prefect's settings have somebody known."""
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    found = dict(settings.client.custom_headers)
    if settings.api.auth_string is not None:
        told = b64encode(settings.api.auth_string.get_secret_value().encode()).decode()
        found["Authorization"] = f"Basic {told}"
    elif settings.api.key is not None:
        found["Authorization"] = f"Bearer {settings.api.key.get_secret_value()}"
    return found


def _get(url: str, path: str) -> httpx.Response:
    import httpx

    whole = f"{url.rstrip('/')}/{path}"
    return httpx.get(whole, headers=credentials(), verify=_certificates(), timeout=_PATIENCE)


def _certificates() -> ssl.SSLContext | bool:
    """Return whose certificates are good, as Prefect's settings say."""
    from prefect.settings import get_current_settings

    api = get_current_settings().api
    if api.tls_insecure_skip_verify:
        return False
    return ssl.create_default_context(cafile=api.ssl_cert_file) if api.ssl_cert_file else True
