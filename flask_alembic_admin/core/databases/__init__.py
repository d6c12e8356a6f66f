"""Databases by name, and the engines that lead to them."""
