"""The page of gradients around its stage."""
