"""A class: rooms in the server's memory, who is in them, what all see, guess and train together."""
