"""Who may do what in the database: the table, the attempts that hold it, and its page in the documentation."""
