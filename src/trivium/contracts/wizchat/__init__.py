"""The WizChat contract."""
