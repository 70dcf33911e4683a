"""Settings: one TOML file and the environment, one section a plugin, every value with its origin."""
