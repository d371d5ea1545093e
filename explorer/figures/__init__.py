"""Pure functions from records to Plotly figures: no session, no clock, no randomness."""
