"""Rooms as browsers reach them: the routes, the page, the companion of every page."""
