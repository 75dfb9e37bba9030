"""A cluster of ECS that a run makes, or shares with others that make the same."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from typing import Any

from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.awsclient import asking
from rios_flows.workers.launchers.remains import COUNTS, RUN_TAG, use_tag

logger = logging.getLogger(__name__)

#: Time between two renewals of the tag that says that the run uses the cluster, and after one that
#: has failed (s).
_RENEWAL, _AGAIN = COUNTS / 12, 60.0


class OwnCluster:
    """One that is there for as long as a run of several uses it.

    Parameters
    ----------
    ecs, often : botocore client
        Of ECS; for what is asked once, and from time to time.
    request : mapping
        What ``create_cluster`` gets, with a ``clusterName``.
    token : str
        The run's.

    Attributes
    ----------
    is_ours : bool
        Whether runs have made it, so that the last of them removes it.
    """

    def __init__(self, ecs: Any, often: Any, request: Mapping[str, Any], token: str) -> None:
        self._ecs, self._often, self._request, self._token = ecs, often, request, token
        self._name = str(request["clusterName"])
        found = self._tags()
        self._is_new = found is None
        self.is_ours = found is None or RUN_TAG in found
        self._arns: list[str] = []
        self._renewal = 0.0

    def _tags(self) -> Collection[str] | None:
        """Return the keys of its tags; None if there is no such cluster."""
        with asking("ECS", f"The cluster {self._name!r} cannot be looked for"):
            told = self._ecs.describe_clusters(clusters=[self._name], include=["TAGS"])
        active = [each for each in told["clusters"] if each["status"] == "ACTIVE"]
        return {tag["key"] for tag in active[0].get("tags") or ()} if active else None

    def make_or_share(self) -> None:
        """Make it, or use that of another run, so that the last of the runs removes it."""
        use = use_tag(self._token)
        with asking("ECS", "No cluster", "see create_cluster of computeWorkerExtraParams"):
            if self._is_new:
                mark = {"key": RUN_TAG, "value": self._token}
                tags = [*(self._request.get("tags") or ()), mark, use]
                self._ecs.create_cluster(**{**self._request, "tags": tags})
            # another run may have been the first one
            told = self._ecs.describe_clusters(clusters=[self._name], include=["TAGS"])
            for each in told["clusters"]:
                self._arns.append(each["clusterArn"])
                if use["key"] not in {tag["key"] for tag in each.get("tags") or ()}:
                    self._ecs.tag_resource(resourceArn=each["clusterArn"], tags=[use])
        self._renewal = time.monotonic() + _RENEWAL

    def renew(self) -> None:
        """Say from time to time that the run goes on, so that nobody takes it for lost."""
        if not self._arns or time.monotonic() < self._renewal:
            return
        self._renewal = time.monotonic() + _RENEWAL
        try:
            with asking("ECS", f"The tag of the cluster {self._name!r} is not renewed"):
                for arn in self._arns:
                    self._often.tag_resource(resourceArn=arn, tags=[use_tag(self._token)])
        except JobMgrError as error:
            logger.debug("%s", error)
            self._renewal = time.monotonic() + _AGAIN
