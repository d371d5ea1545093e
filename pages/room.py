"""A class: a room to open or to join, its code, its own questions, its race."""

from explorer.ui import report, state
from explorer.ui.room.page import room_page

lang = state.language()

report.say_all((), lang)
room_page(lang)
