"""What makes motion pleasant to look at: causal steps from pose to pose, optional each, of fixed-size state."""
