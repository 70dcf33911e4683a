"""What the labs share: a service process, an HTTP client, a TCP proxy, senders, readers, and the judge of what
they saw. Tests and benches of whole services use it, too.

Imports nothing of the product."""
