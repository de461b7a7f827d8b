"""What runs tell machines: log lines with what they are about, and CloudWatch metrics. Messages to people are `alerts`.

It imports no Prefect: a run without it is told the same way.
"""
