"""What is advised about errors of AWS."""

from __future__ import annotations

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.retries.standard import ThrottledRetryableChecker

from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers import awsadvice
from rios_flows.workers.launchers.awsclient import asking

#: What services call the same, and a word of what is to be done.
SAID = {
    "AccessDenied": "deployments/iam",
    "AccessDeniedException": "deployments/iam",
    "UnauthorizedOperation": "deployments/iam",
    "ExpiredToken": "renew",
    "ExpiredTokenException": "renew",
    "InvalidClientTokenId": "aws sts get-caller-identity",
    "UnrecognizedClientException": "aws sts get-caller-identity",
    "AuthFailure": "aws sts get-caller-identity",
    "SignatureDoesNotMatch": "clock",
    "TooManyRequestsException": "fewer workers",
    "RequestLimitExceeded": "fewer workers",
    "Throttling": "fewer workers",
    "OptInRequired": "who runs the account",
    "VcpuLimitExceeded": "quota",
    "InsufficientInstanceCapacity": "another type",
    "ServerException": "try again",
    "ClusterNotFoundException": "see cluster",
}


@pytest.mark.parametrize("code", SAID)
def test_codes_of_services(code: str) -> None:
    error = ClientError({"Error": {"Code": code, "Message": "no"}}, "RunTask")
    with pytest.raises(JobMgrError) as caught, asking("ECS", "Nothing", "see cluster"):
        raise error
    first, _, todo = str(caught.value).partition("; ")
    assert first == f"Nothing: {code}: no (RunTask)"
    assert SAID[code] in todo


def test_all_words_for_too_often() -> None:
    # of DynamoDB, S3 and others, which are not asked
    others = {
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "SlowDown",
    }
    others |= {"BandwidthLimitExceeded", "PriorRequestNotComplete"}
    for code in set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) - others:
        assert awsadvice.advice_on(code), code


def test_each_code_has_one_advice() -> None:
    codes = [code for told in awsadvice._CODES.values() for code in told]
    assert len(codes) == len(set(codes))


def test_errors_of_boto3_are_there() -> None:
    for name in awsadvice._LOCAL:
        assert issubclass(getattr(botocore.exceptions, name), botocore.exceptions.BotoCoreError)
    with pytest.raises(JobMgrError, match="AWS_PROFILE"), asking("AWS", "Nothing"):
        raise NoCredentialsError
    assert awsadvice.local_advice_on("EndpointConnectionError").startswith("see region")


@pytest.mark.parametrize(
    ("said", "has_way"),
    [
        ("CannotPullContainerError: manifest for a:1 not found: manifest unknown", True),
        (
            "CannotPullContainerError: failed to resolve ref: dial tcp 1.2.3.4:443: i/o timeout",
            False,
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: ... There is a "
            "connection issue between the task and Amazon ECR",
            False,
        ),
    ],
)
def test_tasks_without_a_way_to_the_registry(said: str, has_way: bool) -> None:
    told = awsadvice.not_started(said)
    assert told.startswith(f"cannot start: {said}")
    assert ("assignPublicIp" in told) != has_way
