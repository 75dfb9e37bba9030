"""Prepares a Prefect server for rios_flows, and says what there was to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rios_flows.cli.failing import given
from rios_flows.orchestration.api_settings import configured_url, without_password
from rios_flows.orchestration.asking import is_csrf_protected, why_unreachable
from rios_flows.rioserrors import ParameterError, UnavailableError

if TYPE_CHECKING:
    from rios_flows.orchestration.setup import Part

_REMEDY = {
    "missing": "run it without --dry-run to make it",
    "differs": "--update changes it",
    "left out": "their flow runs become Crashed all the same; to have the lanes marked, too, start "
    "the server without PREFECT_SERVER_CSRF_PROTECTION_ENABLED",
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
) -> Iterator[Part]:
    """Make what is missing on the configured server, which reaches itself by ``server_url``.

    Yields each thing when it is settled.

    Raises
    ------
    UnavailableError
        If none is configured, or it does not answer, or refuses something.
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
    from rios_flows.orchestration.refusals import refusals_told
    from rios_flows.orchestration.setup import Wanted, set_up

    with given(ParameterError), refusals_told():
        itself = _way_to_itself(url if server_url is None else server_url)
        wanted = Wanted(pool, pool_type, slots, automation, itself, not is_csrf_protected(url))
        yield from set_up(wanted, update, dry_run)


def _way_to_itself(url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise ParameterError(
            f"--server-url {url!r} is not right: it must be as http://127.0.0.1:4200/api"
        )
    return url


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
