"""A network and one exact pass through it: models, starting weights, traces, what-ifs, references."""
