"""The chat page and the operators' inbox in a real Chromium: what is on the screen, how fast, and for whom."""
