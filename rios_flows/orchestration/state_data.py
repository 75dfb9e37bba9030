"""What came of a run as the result of its flow run."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from prefect.context import FlowRunContext
from prefect.results import ResultStore
from prefect.serializers import JSONSerializer
from prefect.utilities.asyncutils import run_coro_as_sync

logger = logging.getLogger(__name__)


def kept(words: dict[str, Any], flow_run_id: UUID) -> Any:
    """Keep a small result in Prefect's result storage, as JSON, and return its record.

    Prefect would keep a flow's result only if it is to keep all that the flow returns, an error
    included. A record that is kept already is part of the state, whatever the flow's settings.
    """
    context = FlowRunContext.get()
    assert context is not None
    store: ResultStore = context.result_store.model_copy(update={"serializer": JSONSerializer()})
    record = store.create_result_record(words, key=f"rios-flows-{flow_run_id}")
    try:
        # not persist_result_record, which fails in flows
        run_coro_as_sync(store.apersist_result_record(record))
    except Exception as error:
        logger.warning("The result of the flow run is not kept, but the outputs are: %r", error)
    return record
