"""Network Connectivity: hubs and spokes, as far as recorded traffic uses them."""
