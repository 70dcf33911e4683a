"""Presence together with other packages."""
