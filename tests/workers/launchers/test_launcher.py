"""What jobs of a queue have in common, without telling secrets."""

from __future__ import annotations

from pathlib import Path

from rios_flows.workers.launchers.launcher import Order


def test_an_order_does_not_show_the_environment_of_its_workers() -> None:
    order = Order("ndvi", ("python", "-m", "worker"), {"SECRET": "s3same"}, Path("/run"), {})
    assert "s3same" not in repr(order)
    assert "SECRET" not in repr(order)
    assert "ndvi" in repr(order)
    assert order.environment["SECRET"] == "s3same"
