"""The only room that imports streamlit."""
