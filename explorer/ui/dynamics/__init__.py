"""The page of dynamics: one file per view."""
