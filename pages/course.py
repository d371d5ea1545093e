"""The course: all pages as one path, and the lecture in fifty minutes."""

from explorer.ui import report, state
from explorer.ui.course import course

lang = state.language()

report.say_all((), lang)
course(lang)
