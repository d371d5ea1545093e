"""What Python sends to the stage is what `types.d.ts` says: no name more, none less, each of its type."""
