"""How AWS is asked: by clients of boto3, and with its errors told as ours."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from rios_flows.rioserrors import ECSError, JobMgrError, ParameterError, UnavailableError
from rios_flows.workers.launchers.awsadvice import advice_on, local_advice_on


class Patience(NamedTuple):
    """How AWS is asked.

    Attributes
    ----------
    connect, read : float
        Longest wait to reach it, and for its answer (s).
    attempts : int
        How often altogether, where nothing else is configured: with pauses that grow.
    """

    connect: float
    read: float
    attempts: int


#: For what is asked once, and for what is asked again soon anyway: a run must not wait for long for
#: an AWS that is silent, also at its end.
PATIENT, BRIEF = Patience(10, 30, 6), Patience(3, 5, 2)

#: What the codes of errors have by which AWS asks for patience.
_BUSY = ("Throttl", "TooManyRequests", "LimitExceeded", "SlowDown", "RequestTimeout")


def client(service: str, region: str, patience: Patience = PATIENT) -> Any:
    """Return a client of one of AWS's services.

    Raises
    ------
    UnavailableError
        If boto3 is not installed.
    JobMgrError
        If no region is known, or the configuration is wrong.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise UnavailableError(
            f"Workers in AWS need boto3 ({error}): pip install 'rios_flows[aws]'"
        ) from error
    with asking("AWS", "AWS cannot be asked"):
        known = {"AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"} & os.environ.keys()
        # throttling is no error, but a reason to ask again later
        retries = None if known else {"mode": "standard", "total_max_attempts": patience.attempts}
        config = Config(
            connect_timeout=patience.connect, read_timeout=patience.read, retries=retries
        )
        # the default session is not for several threads
        session = boto3.session.Session(region_name=region or None)
        return session.client(service, config=config)


def check_request(client: Any, name: str, given: Mapping[str, Any]) -> None:
    """Refuse what boto3 would not send for one of its methods; raises ParameterError."""
    from botocore.exceptions import ParamValidationError
    from botocore.validate import validate_parameters

    operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[name])
    try:
        validate_parameters(dict(given), operation.input_shape)
    except ParamValidationError as error:
        raise ParameterError(
            f"computeWorkerExtraParams: {name} is not as AWS wants it: "
            f"{' '.join(str(error).split())}; {local_advice_on(type(error).__name__)}"
        ) from error


def is_hiccup(error: JobMgrError) -> bool:
    """Return whether AWS was not reached, busy or in trouble, so that it may answer later."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    cause = error.__cause__
    if isinstance(cause, ClientError):
        code = cause.response["Error"].get("Code", "")
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or any(word in code for word in _BUSY)
    return isinstance(cause, (ConnectionError, HTTPClientError))


@contextmanager
def asking(service: str, what: str, advice: str = "") -> Iterator[None]:
    """Have errors of boto3 told as ours: what failed, AWS's own words, and what to do."""
    from botocore.exceptions import BotoCoreError, ClientError

    kind = ECSError if service == "ECS" else JobMgrError
    try:
        yield
    except ClientError as error:
        told = error.response["Error"]
        code = told.get("Code", "")
        todo = advice_on(code, advice)
        message = f"{what}: {code}: {told.get('Message', '')} ({error.operation_name})"
        raise kind(f"{message}; {todo}" if todo else message) from error
    except BotoCoreError as error:
        name = type(error).__name__
        todo = local_advice_on(name)
        raise kind(f"{what}: {' '.join(str(error).split())} ({name}); {todo}") from error


def sent_again(answer: Mapping[str, Any]) -> bool:
    """Return whether a request was sent more than once until it was answered."""
    return bool(answer.get("ResponseMetadata", {}).get("RetryAttempts"))
