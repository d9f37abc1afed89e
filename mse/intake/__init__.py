"""From the files of suppliers to an overlap table: contract, reading, pseudonyms, linkage, tabulation."""
