"""From recordings to packed clips: file formats on the disk side (NumPy), tables, and the split between takes."""
