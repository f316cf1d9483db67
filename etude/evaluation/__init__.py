"""How well something was read: readings compared with the truth, note by note and mark by mark."""
