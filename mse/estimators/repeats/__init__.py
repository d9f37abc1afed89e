"""How many were never registered, from how often the others stand in one register."""
