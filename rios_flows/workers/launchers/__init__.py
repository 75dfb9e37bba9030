"""Starting, watching and stopping compute workers as jobs of a queue."""
