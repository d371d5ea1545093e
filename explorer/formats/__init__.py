"""Networks in other people's files, read and never run: the recurrent layers in them, with their weights."""
