"""The interfaces that plugins provide, each small, each with its guarantees; an optional ability is one of its own."""
