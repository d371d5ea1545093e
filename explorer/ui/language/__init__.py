"""The page of language models: one module for each of its views."""
