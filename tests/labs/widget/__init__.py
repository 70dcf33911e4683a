"""n8n's stock chat widget with its companion, in a real Chromium: it shows the log, each message once."""
