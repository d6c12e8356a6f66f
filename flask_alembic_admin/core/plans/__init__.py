"""What a run would do, and what there is to know of it before."""
