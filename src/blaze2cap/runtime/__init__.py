"""What people use: looking at motion, and, later, streaming and export."""
