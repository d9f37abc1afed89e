"""How work is done, never what: workers, finished parts, progress, convergence, versions."""
