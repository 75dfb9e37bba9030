"""Continuing where a killed run ended."""
