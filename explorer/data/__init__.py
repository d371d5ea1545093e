"""What a network reads: sentences, grammars, tales, tasks, and text turned into tensors."""
