"""Every figure of a page, as SVG."""
