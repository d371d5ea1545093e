"""Glossary and equation sheet: every symbol in three notations."""

from explorer.ui import report, state
from explorer.ui.glossary import sheet

lang = state.language()

report.say_all((), lang)
sheet(lang)
