"""What every part of the process stands on: its life, its tasks, its log lines."""
