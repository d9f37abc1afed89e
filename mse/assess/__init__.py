"""How far an estimate may be believed."""
