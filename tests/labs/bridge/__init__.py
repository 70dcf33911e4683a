"""The n8n bridge under a fault plan: an n8n that fails in every way, and instances that are killed."""
