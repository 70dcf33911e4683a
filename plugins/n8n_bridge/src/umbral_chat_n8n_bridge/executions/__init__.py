"""n8n's executions, by its public API: how one ended whose answer was lost, and stopping one."""
