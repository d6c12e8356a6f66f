"""The record of runs: where it is kept, how it is written to, and how it is read."""
