"""Serving the lessons: Voila on one machine, kernels forked from one process, JupyterHub.

Nothing is imported here: the modules of this folder need different packages, and JupyterLab starts
the provisioner of kernels where Voila is not installed.
"""
