"""Links from a task to the system it worked on."""
