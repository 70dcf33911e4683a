"""Streams through nginx, with the settings that the documentation gives: nothing held back, cut or lost."""
