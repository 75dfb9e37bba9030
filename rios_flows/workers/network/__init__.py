"""The port to which workers come, who is let in, and the objects that are served there."""
