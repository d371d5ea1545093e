"""The course: its stops, the cards beside the figures, the glossary, and places in the app."""
