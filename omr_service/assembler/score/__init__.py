"""A joined piece written as a Score."""
