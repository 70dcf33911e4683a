"""Authentication and authorization: principals, rights, senders and rates. No HTTP in here."""
