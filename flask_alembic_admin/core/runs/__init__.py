"""Carrying a plan out: guarded, watched, stopped, retried and told of."""
