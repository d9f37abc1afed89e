"""What gives away who somebody is: names of columns, and the form of the values under them."""
