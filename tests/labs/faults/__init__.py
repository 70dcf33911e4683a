"""The fault lab: a whole deployment, broken in every way by a seed, and a judge that knows only what clients knew."""
