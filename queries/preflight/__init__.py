"""What can be told about a source before anything is mined from it."""
