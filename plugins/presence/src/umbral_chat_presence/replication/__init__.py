"""What instances exchange and store for each other: heartbeats and rosters."""
