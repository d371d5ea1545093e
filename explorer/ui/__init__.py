"""The only package that imports streamlit: state, widgets, safe text, the stage's adapter."""
