"""The app: what is drawn and how it is worded; the only room that imports Streamlit."""
