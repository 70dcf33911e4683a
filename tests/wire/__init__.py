"""What the black-box programs share: a small HTTP client and a service process. Imports nothing of the product."""
