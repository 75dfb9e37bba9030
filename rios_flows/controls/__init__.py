"""Everything that can be asked of a run."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rios_flows.controls.controls import ApplierControls

__all__ = ["ApplierControls"]


def __getattr__(name: str) -> Any:
    # workers need what has been asked for, and none of the ways to ask for it
    if name == "ApplierControls":
        from rios_flows.controls.controls import ApplierControls

        return ApplierControls
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
