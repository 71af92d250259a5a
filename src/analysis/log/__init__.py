"""From the raw tables to the slim log, its window and its activity."""
