"""Tests of http1: scripts of bytes in, values out."""
