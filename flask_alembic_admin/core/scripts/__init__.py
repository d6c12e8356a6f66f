"""The folder of revision files, and the history that they make."""
