"""The way back: BPTT in closed form, and what is read off it.

One layer along time, unbatched, float64; k is the source step, t the loss step.
"""
