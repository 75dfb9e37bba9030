"""Everything that can be asked of a run."""

from rios_flows.controls.controls import ApplierControls

__all__ = ["ApplierControls"]
