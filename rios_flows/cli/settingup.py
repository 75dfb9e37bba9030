"""Prepares a Prefect server for rios_flows, and says what there was to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rios_flows.orchestration.api_settings import (
    configured_url,
    why_unreachable,
    without_password,
)
from rios_flows.rioserrors import UnavailableError

if TYPE_CHECKING:
    from rios_flows.orchestration.setup import Part

_REMEDY = {
    "missing": "run it without --dry-run to make it",
    "differs": "--update changes it",
}


def set_up(
    pool: str,
    pool_type: str,
    slots: dict[str, int | None],
    automation: bool,
    server_url: str | None = None,
    *,
    update: bool,
    dry_run: bool,
) -> list[Part]:
    """Make what is missing on the configured server, which reaches itself by ``server_url``.

    Raises
    ------
    UnavailableError
        If none is configured, or it does not answer.
    """
    url = configured_url()
    if url is None:
        raise UnavailableError(
            "No Prefect API is configured: start one with `prefect server start`, and set "
            "PREFECT_API_URL"
        )
    why = why_unreachable(url)
    if why:
        raise UnavailableError(
            f"{without_password(url)} does not answer: {why}; start it with `prefect server "
            "start`, or set PREFECT_API_URL to one that runs"
        )
    from rios_flows.orchestration.setup import Wanted, set_up

    itself = url if server_url is None else server_url
    return set_up(Wanted(pool, pool_type, slots, automation, itself), update, dry_run)


def text_of(part: Part) -> str:
    """Write what was found or made of one thing, for people."""
    remedy = _remedy(part)
    return f"{part.state:<8} {part.what} {part.name}: {part.found}" + (
        f"\n         {remedy}" if remedy else ""
    )


def words_of(part: Part) -> dict[str, Any]:
    """Return the same for JSON."""
    return {**part._asdict(), "remedy": _remedy(part)}


def _remedy(part: Part) -> str:
    if part.what == "work pool" and part.state == "differs":
        return "a pool keeps its type: name another one with --pool"
    return _REMEDY.get(part.state, "")
