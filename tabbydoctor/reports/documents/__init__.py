"""The documents that the commands write as JSON, each a model: keys, types and meanings once.

What is written is made from them, and so is the schema (`reports.schema`), with a field's
docstring as its description. They are imported where JSON is written: msgspec costs some 10 ms.
"""
