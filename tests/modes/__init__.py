"""The same calls in every mode of delivery, and while the mode changes, give the same answers."""
