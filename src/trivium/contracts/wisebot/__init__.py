"""The Wisebot contract."""
