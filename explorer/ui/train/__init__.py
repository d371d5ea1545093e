"""The page of training around its live view."""
