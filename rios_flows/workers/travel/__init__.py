"""What travels to a worker, and comes home: the job, what belongs to it, and the user's objects."""
