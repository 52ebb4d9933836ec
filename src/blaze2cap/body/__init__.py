"""Geometry of the body and the camera: pure functions over tensors with any leading dimensions."""
