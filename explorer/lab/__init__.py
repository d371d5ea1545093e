"""An experiment carried out: learned weights, a walk over a sequence, a gradient back through it."""
