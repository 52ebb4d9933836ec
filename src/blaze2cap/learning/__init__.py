"""The model, what it learns from and how it is judged."""
