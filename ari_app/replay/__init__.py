"""`offhook replay`: recorded callers meet the real ears, turn machine and engines, faster than they spoke."""
