"""The evaluation as one HTML file to read: no scripts, no outside links, charts drawn as inline SVG."""
