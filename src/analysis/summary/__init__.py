"""Every number of the book by key, the claims and the actions."""
