"""`python -m infra.delivery`: what the pipeline does beside deploying: become a stage's deployer, a smoke run, the image's contents and findings, the documentation."""
