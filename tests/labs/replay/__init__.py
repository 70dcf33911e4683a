"""Real dialogues in many languages, replayed into a running service and read back four ways, byte for byte."""
