"""What a database is made of at one moment, to be held against another; it is only looked at."""
