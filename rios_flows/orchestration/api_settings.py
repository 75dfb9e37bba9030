"""Whether a Prefect API is configured; Prefect is imported only if it must be asked."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from rios_flows.rioserrors import UnavailableError

_REFUSED = (
    "No Prefect API is configured, and PREFECT_SERVER_EPHEMERAL_ENABLED forbids a temporary one: "
    "set PREFECT_API_URL, or call rios_flows.engine.apply, which needs no Prefect"
)


def needs_server() -> bool:
    """Return whether Prefect's settings name no API; refuse if they forbid a temporary server."""
    if "prefect" not in sys.modules and no_api_possible():
        return True
    from prefect.context import FlowRunContext
    from prefect.settings import get_current_settings

    # a flow of the user has an API already
    if FlowRunContext.get() is not None:
        return False
    settings = get_current_settings()
    if settings.api.url:
        return False
    ephemeral = settings.server.ephemeral
    if "enabled" in ephemeral.model_fields_set and not ephemeral.enabled:
        raise UnavailableError(_REFUSED)
    return True


def no_api_possible() -> bool:
    """Return, without importing Prefect, whether certainly no API is configured."""
    # in none of the places that Prefect reads: otherwise ask it, which costs the head start
    telling = ("API_URL", "EPHEMERAL", "PROFILE", "TEST_MODE")
    names = [name.upper() for name in os.environ]
    if any(name.startswith("PREFECT_") and word in name for name in names for word in telling):
        return False
    if "PREFECT_" in _text(Path(".env")).upper() or Path("prefect.toml").exists():
        return False
    if "tool.prefect" in _text(Path("pyproject.toml")):
        return False
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    profiles = _text(home / "profiles.toml")
    return not any(word in profiles for word in telling)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def configured_url() -> str | None:
    """Return the URL of the API that Prefect's settings name, if any."""
    if "prefect" not in sys.modules and no_api_possible():
        return None
    from prefect.settings import get_current_settings

    return get_current_settings().api.url


def without_password(url: str) -> str:
    """Return a URL without user name and password, as it may be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
