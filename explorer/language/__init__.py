"""A language model at work: scored, sampled, its units measured, its memory probed."""
