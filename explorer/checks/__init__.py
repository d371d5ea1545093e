"""Is it true? All that a page draws, against something that knows nothing of how it was computed here.

`cells` compares every cell; the other files what is made of them. `coverage` is the list of it all.
"""
