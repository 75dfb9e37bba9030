"""The Prefect shell: ``apply()`` as a flow, with one task run per lane."""
