"""Data contracts: what each supplier's file holds, and whether that is sound alone and together."""
