"""What a supplier is told about its delivery."""
