"""One model, named or chosen, with or without the choice inside its interval."""
