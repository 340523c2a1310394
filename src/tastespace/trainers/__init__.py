"""Trainers: frozen descriptions of how to learn; each file holds one."""
