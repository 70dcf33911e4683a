"""Events on their way to the feed: what this process and the transports report, and which transport is in use."""
