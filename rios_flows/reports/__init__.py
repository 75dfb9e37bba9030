"""What a run's records say."""
