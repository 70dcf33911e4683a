"""What is private to the core: nothing outside of it imports these modules, and they change with any release."""
