"""The command line; imports nothing of the server before a command needs it."""
