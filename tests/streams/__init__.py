"""
Tests of the streams.
"""
