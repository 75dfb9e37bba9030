"""Going on where a killed run ended."""
