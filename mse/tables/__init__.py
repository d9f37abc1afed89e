"""What estimators read: overlap tables, persons one by one, repeats in one register, populations at risk."""
