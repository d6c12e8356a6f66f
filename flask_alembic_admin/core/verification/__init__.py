"""Running all revisions up, down and up again on a scratch database."""
