"""What a run that died has left of a step, and the ways on from there."""
