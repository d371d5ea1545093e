"""What the explorer is measured against: a bare Streamlit page with eight heatmaps of 32 units, 64 steps."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

CELLS = ("LSTM", "GRU")

st.set_page_config(layout="wide")
cell = st.selectbox("Cell", CELLS, key="field_cell")
numbers = np.random.default_rng(CELLS.index(cell))
left, right = st.columns(2)
for k in range(8):
    figure = go.Figure(go.Heatmap(z=numbers.normal(size=(32, 64)), colorscale="RdBu", zmid=0))
    figure.update_layout(height=220, title=f"signal {k + 1}")
    (left, right)[k % 2].plotly_chart(figure, key=f"signal_{k}")
