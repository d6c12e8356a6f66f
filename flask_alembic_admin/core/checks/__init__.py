"""Work that takes long and migrates nothing that is live, asked for and carried out."""
