"""`python -m infra.deploy`: what `infra/` describes, compared with an account, applied to it, taken out of it.

Owns the order of the templates, what passes between them, and the words for what goes wrong. It knows nothing of the pipeline, and
needs boto3 and PyYAML alone.
"""
