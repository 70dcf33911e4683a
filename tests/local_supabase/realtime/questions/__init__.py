"""Questions that a real Realtime server was asked, its answers, and the rules by which the stand-in's are compared."""
