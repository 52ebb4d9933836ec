"""Smooth 3D skeletal motion from the BlazePose landmarks of one ordinary camera."""

__version__ = "0.1.0"
