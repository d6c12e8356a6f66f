"""What a step would send, as operations, told by running it against nothing."""
