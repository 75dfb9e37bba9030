"""What happens while a run lasts."""
