"""Shapes, stacks, mappings, cost: what is built of recurrent layers, and what it takes."""
