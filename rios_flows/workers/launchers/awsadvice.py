"""What to do about an error of AWS, or of boto3 before it has asked AWS."""

from __future__ import annotations

from collections.abc import Mapping

_ALLOW = "allow it to whoever runs this script: deployments/iam has policies"
_RENEW = "renew your credentials (aws sso login, or new keys)"
_WHOSE = "AWS does not know these keys, or not in this region: see aws sts get-caller-identity"
_SIGNED = "see the secret key, and this machine's clock"
_LESS = "AWS is asked too often by this account: ask for fewer workers, or wait"
_LATER = "AWS itself fails: try again, and see its health page"
_ACCOUNT = "AWS does not give this account the service, or the region: ask who runs the account"
_LIMIT = "ask for fewer or smaller workers, or have AWS raise this account's quota"
_CREDENTIALS = "give credentials as boto3 finds them: a role, AWS_PROFILE, or keys"
_REGION = "set AWS_DEFAULT_REGION, or region in computeWorkerExtraParams"
_CAPACITY = "AWS has none left: try later, another type, or a subnet in another zone"

#: Codes of errors of ECS, EC2, Batch, CloudWatch, Systems Manager, CloudFormation and STS. Each
#: service has words of its own for the same thing.
_CODES: Mapping[str, tuple[str, ...]] = {
    _ALLOW: ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"),
    _RENEW: ("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
    _WHOSE: (
        *("UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"),
        *(
            "InvalidAccessKeyId",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
        ),
    ),
    _SIGNED: (
        *("InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"),
        *("IncompleteSignature", "IncompleteSignatureException"),
    ),
    _LESS: (
        *("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException"),
        *("RequestThrottled", "RequestThrottledException", "RequestLimitExceeded"),
        *("EC2ThrottledException", "TooManyUpdates"),
    ),
    _LATER: (
        *("InternalError", "InternalFailure", "InternalServerError"),
        *("ServerException", "ServiceUnavailable", "ServiceUnavailableException", "Unavailable"),
    ),
    _ACCOUNT: (
        *("OptInRequired", "SubscriptionRequiredException", "RegionDisabledException"),
        *("Blocked", "BlockedException", "PendingVerification"),
    ),
    _LIMIT: (
        *("LimitExceededException", "InstanceLimitExceeded", "VcpuLimitExceeded"),
        *("MaxSpotInstanceCountExceeded", "ParameterLimitExceeded"),
    ),
    _CAPACITY: ("InsufficientInstanceCapacity", "InsufficientHostCapacity", "Unsupported"),
}

#: Names of errors that come before AWS is asked.
_LOCAL: Mapping[str, str] = {
    **dict.fromkeys(("NoCredentialsError", "CredentialRetrievalError"), _CREDENTIALS),
    "PartialCredentialsError": "give the access key and the secret key",
    "ProfileNotFound": "see AWS_PROFILE, and ~/.aws/config",
    "ConfigParseError": "see ~/.aws/config",
    **dict.fromkeys(("NoRegionError", "InvalidRegionError"), _REGION),
    "ParamValidationError": "see computeWorkerExtraParams: names and types are boto3's",
    **dict.fromkeys(("SSOTokenLoadError", "UnauthorizedSSOTokenError"), _RENEW),
    **dict.fromkeys(("TokenRetrievalError", "LoginRefreshRequired", "LoginTokenLoadError"), _RENEW),
}

#: What AWS's reasons have where a task did not reach what it needs to start.
_UNREACHED = ("i/o timeout", "deadline exceeded", "dial tcp", "connection issue", "no such host")

_WAY = (
    "it has no way to the registry, or to CloudWatch or Systems Manager: set assignPublicIp to "
    "ENABLED (in awsvpcConfiguration, or in networkConfiguration of the job definition), or give "
    "its subnet a NAT gateway or VPC endpoints"
)

_ADVICE = {code: advice for advice, codes in _CODES.items() for code in codes}


def advice_on(code: str, otherwise: str = "") -> str:
    """Return what to do about an error that AWS has answered with."""
    return _ADVICE.get(code, otherwise)


def local_advice_on(name: str) -> str:
    """Return what to do about an error of boto3's own, by the name of its class."""
    return _LOCAL.get(name, "see region, endpoint and network")


def not_started(said: str) -> str:
    """Return as a reason what AWS says of a task or job that cannot start, and what to do."""
    way = f" ({_WAY})" if any(words in said for words in _UNREACHED) else ""
    return f"cannot start: {said}{way}"
