"""Flows to deploy; each is a real job, and nothing imports them but their tests."""
