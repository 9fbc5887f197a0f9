"""The only room that opens Google clients: it turns resources into requests and answers into resources."""
