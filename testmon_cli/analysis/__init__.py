"""The model of source: text in, frozen values out.

Pure; imports nothing but the standard library and domain.
"""
