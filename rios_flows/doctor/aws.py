"""What AWS has for workers of both kinds: credentials, images, logs, and who sees the address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rios_flows.doctor.findings import Findings
from rios_flows.workers.launchers.awsclient import asking, check_request, client


def look_at_credentials(found: Findings, region: str) -> None:
    """Ask AWS who asks."""
    with asking("AWS", "AWS does not know who asks", "give credentials as boto3 finds them"):
        sts = client("sts", region)
        who = sts.get_caller_identity()
    found.add("credentials", "good", f"{who['Arn']}, in {sts.meta.region_name}")


def look_at_request(found: Findings, client: Any, name: str, given: Mapping[str, Any]) -> bool:
    """Return whether boto3 takes a request, by the name of its method."""
    before = len(found)
    with found.of(name):
        check_request(client, name, given)
    return len(found) == before


def look_at_images(found: Findings, images: Iterable[str]) -> None:
    """See that an image is named, and which one that is for good."""
    for image in images:
        if not image:
            found.add("image", "bad", "none is named", "name the image of the workers")
            continue
        floating = "@" not in image and (
            image.endswith(":latest") or ":" not in image.rpartition("/")[2]
        )
        found.add(
            "image",
            "note" if floating else "good",
            image,
            "a tag such as latest moves: name the version that this script has" if floating else "",
        )


def look_at_logs(found: Findings, there: bool) -> None:
    """Tell whether what workers print is kept."""
    found.add(
        "logs",
        "good" if there else "note",
        "CloudWatch keeps what workers print" if there else "nobody keeps what workers print",
        "" if there else "give the container a logConfiguration, so that errors can tell it",
    )


def look_at_address(found: Findings, parameter: str) -> None:
    """Tell who can see the address of the run."""
    found.add(
        "address of the run",
        "good" if parameter else "note",
        f"kept under {parameter} of Systems Manager"
        if parameter
        else "told to workers as a variable, which DescribeTasks and DescribeJobs show",
        "" if parameter else "give addressParameter, if others may see tasks or jobs",
    )
