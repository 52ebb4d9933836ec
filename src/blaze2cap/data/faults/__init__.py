"""Faults of recordings, found by code: each a record with what, where, how far off and the sentence that tells it."""
