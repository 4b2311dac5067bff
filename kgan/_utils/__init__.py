"""Checks, files, images, animation: what several packages need and nobody outside kgan imports."""
