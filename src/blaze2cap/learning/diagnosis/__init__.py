"""Reading the errors of a checkpoint: where they are, how slow they are, and which knowledge would buy how much."""
