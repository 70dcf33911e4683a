"""The interfaces that plugins implement: each is small and states its guarantees; an optional ability is a separate
one."""
