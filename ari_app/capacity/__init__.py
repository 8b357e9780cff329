"""How many calls this box holds: measured by ``offhook bench capacity``, or estimated at start-up."""
