"""Where recordings come from: each source is a module or package, and `registry` knows them by name."""
