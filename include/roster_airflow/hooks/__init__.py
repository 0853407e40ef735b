"""What speaks to other systems: one module per system, on the hooks of Airflow's providers.

To add one: the module, its connection type with its form in provider_info, and a test over a real socket.
"""
