"""Configuration: what is wanted, what is there, and the plan between them."""
