"""Running a plan for real where it cannot hurt."""
