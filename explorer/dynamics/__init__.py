"""Dynamics: where a network goes by itself. Fixed points, exponents, the cube of memory, phase portraits."""
