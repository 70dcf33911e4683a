"""Who may do what in the database: the table, the attempts that test it, and its page in the documentation."""
