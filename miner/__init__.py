"""What lineage, usage and popularity are, and the ledger that remembers them."""
