"""Who calls, what they may do, as whom they may speak, and how fast. No HTTP in here."""
