"""The routes, their bodies, and how the OpenAPI document shows them."""
