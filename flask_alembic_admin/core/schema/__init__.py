"""What a database is made of, looked at and nothing more."""
