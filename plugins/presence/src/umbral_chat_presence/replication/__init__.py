"""What instances exchange by signals and by the shared store: heartbeats and rosters."""
