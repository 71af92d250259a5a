"""The pages of the book: roles and directives, their templates, and the tables of the chapters."""
