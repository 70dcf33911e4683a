"""The gateway: the protocol of n8n's chat widget, spoken from the log."""
