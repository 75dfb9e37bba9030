"""One line from files to files: ``rios_flows.apply``."""
