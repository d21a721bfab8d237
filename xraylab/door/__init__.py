"""
The door: which requests reach the app, under which addresses, and with which headers.

- ``addresses`` names the addresses under which the app is served, and nothing else is answered
- ``exposure`` rejects an address that other machines reach, unless a person allowed it
- ``headers`` holds what a browser may do with an answer
- ``guard`` is the ASGI middleware that applies all of this to every request and websocket
- ``limits`` bounds open tabs and the sum of their uploads
- no Streamlit: the door stands before it, and works for any ASGI application
"""
