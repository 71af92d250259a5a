"""What the pages of the book are made of: figures, conditions, markup, directives."""
