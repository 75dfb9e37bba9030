"""What lets a worker in, for one worker, once: a secret on the server that its taker removes."""

from __future__ import annotations

from contextlib import suppress

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import BlockDocumentCreate
from prefect.exceptions import ObjectNotFound

from rios_flows.rioserrors import JobMgrError

#: Prefect's type of block for secrets: encrypted in the server's database, hidden in its pages.
_TYPE = "secret"

#: So many are listed at a time.
_AT_ONCE = 200


def issue(client: SyncPrefectClient, name: str, address: str) -> None:
    """Put down the address of a run, with its secret, for the worker that knows the name."""
    kind = client.read_block_type_by_slug(_TYPE)
    schema = client.get_most_recent_block_schema_for_block_type(kind.id)
    if schema is None:
        raise JobMgrError(
            "The Prefect server has no secrets: its block types are not registered (prefect block "
            "register -m prefect.blocks.system). Workers without a common directory need them"
        )
    client.create_block_document(
        BlockDocumentCreate(
            name=name, data={"value": address}, block_type_id=kind.id, block_schema_id=schema.id
        )
    )


def take(client: SyncPrefectClient, name: str) -> str:
    """Take an address, which is on the server no more afterwards."""
    try:
        document = client.read_block_document_by_name(name, _TYPE)
    except ObjectNotFound as error:
        raise JobMgrError(
            "What lets this worker in is not on the server any more: the run has ended, or this "
            "flow run has begun before. A run starts another in its place by itself"
        ) from error
    client.delete_block_document(document.id)
    return str(document.data["value"])


def remove(client: SyncPrefectClient, beginning: str) -> None:
    """Remove what nobody has taken, by the beginning of its name."""
    offset = 0
    while True:
        some = client.read_block_documents_by_type(
            _TYPE, offset=offset, limit=_AT_ONCE, include_secrets=False
        )
        left = [each for each in some if (each.name or "").startswith(beginning)]
        for each in left:
            with suppress(ObjectNotFound):
                client.delete_block_document(each.id)
        if len(some) < _AT_ONCE:
            return
        offset += len(some) - len(left)
