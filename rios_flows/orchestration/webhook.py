"""How a server posts events to itself: what its automations need for the states of task runs."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from prefect.blocks.webhook import Webhook
from prefect.settings import get_current_settings

from rios_flows.orchestration.api_settings import without_password
from rios_flows.orchestration.asking import credentials

#: Name of the block that is made.
EVENTS = "rios-flows-events"


def wanted_webhook(api: str) -> Webhook:
    """Return the block for a server that reaches its own API by a URL, with our credentials."""
    headers = {"Content-Type": "application/json", **credentials()}
    return Webhook(
        method="POST",
        url=f"{api.rstrip('/')}/events",  # type: ignore[arg-type]
        headers=headers,  # type: ignore[arg-type]
        verify=not get_current_settings().api.tls_insecure_skip_verify,
    )


def webhook_there() -> Webhook | None:
    """Return the block that the server has, if any."""
    # what Prefect says of a block that is not there
    with suppress(ValueError):
        return Webhook.load(EVENTS)  # type: ignore[return-value]
    return None


def keep_webhook(block: Webhook) -> UUID:
    """Have the server keep the block, in the place of one that it has."""
    return block.save(EVENTS, overwrite=True)  # type: ignore[return-value]


def text_of(block: Webhook) -> str:
    """Say where a block posts to; nothing of its secrets."""
    return f"posts to {without_password(block.url.get_secret_value())}"


def is_same(block: Webhook, other: Webhook) -> bool:
    """Return whether two blocks post alike."""
    return _parts(block) == _parts(other)


def _parts(block: Webhook) -> tuple[str, str, bool, dict[str, str]]:
    headers = dict(block.headers.get_secret_value())
    return block.method, block.url.get_secret_value(), block.verify, headers
