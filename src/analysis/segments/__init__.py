"""The chapter that asks whether there are kinds of users."""
