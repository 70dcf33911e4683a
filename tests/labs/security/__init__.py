"""`make lab NAME=security`: the attacks that one client can make on the others, launched at a service process
of our own."""
