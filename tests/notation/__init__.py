"""Tests of the IR library."""
