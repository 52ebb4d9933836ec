"""What `make bench` and `make bench-scale` measure: a module a path, each beside the plain way to do the same."""
