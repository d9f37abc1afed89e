"""From results to what may be said in public: the sentence, the figures and the page."""
