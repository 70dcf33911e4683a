"""The logs in the file: appending, reading, and erasing for good."""
