"""What any room may use: types, times, defaults, temporary files."""
