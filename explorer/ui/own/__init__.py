"""Networks that visitors bring: kept, chosen among, and what belongs to them."""
