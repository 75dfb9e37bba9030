"""A call, checked and planned."""
