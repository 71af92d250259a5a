"""Every number in the book by key, the findings and the actions."""
