"""A workspace: the configuration of many agents as a folder of YAML and Markdown files."""
