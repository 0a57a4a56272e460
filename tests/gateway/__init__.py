"""Tests of the gateway, on memory streams and a clock of their own."""
