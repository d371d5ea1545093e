"""The page of architectures: one module for each of its views."""
