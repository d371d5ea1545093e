"""The page that steps through time: what it offers to change."""
