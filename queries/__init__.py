"""The SQL, and the only code that talks to a warehouse."""
