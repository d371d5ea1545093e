"""Training: one run at a time, described by an experiment."""
