"""Realtime switched on and off under load: nothing lost, nothing left behind, every instance of one mind."""
