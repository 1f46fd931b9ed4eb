"""The Wabee contract."""
