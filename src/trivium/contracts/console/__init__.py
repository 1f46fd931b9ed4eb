"""The dashboard and the chat widget."""
