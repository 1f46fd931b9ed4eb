"""The shapes of each contract, as its server answers them."""
