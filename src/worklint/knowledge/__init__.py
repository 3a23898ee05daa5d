"""What worklint knows: the standard's query tables, product profiles, label dictionaries."""
