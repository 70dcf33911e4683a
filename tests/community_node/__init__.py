"""The package for n8n, in `n8n/nodes`: compiled, linted and tested as its authors do, with Node."""
