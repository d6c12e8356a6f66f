"""Projects without Flask: where their databases and their files are declared."""
