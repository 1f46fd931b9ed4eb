"""What the project needs to write itself: generated pages and code."""
