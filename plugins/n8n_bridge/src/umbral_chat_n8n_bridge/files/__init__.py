"""Files of visitors: read from a request, kept in the shared store until their run is over, and passed to n8n. The log
has their names only."""
