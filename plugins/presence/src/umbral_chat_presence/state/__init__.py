"""The state of presence at one instance: who is in which conversation and who types. Pure: callers pass the time."""
