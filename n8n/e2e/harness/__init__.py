"""What the end-to-end test stands on: an installed n8n, a running one, and a running Umbral Chat."""
