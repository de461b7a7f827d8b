"""One login to AWS for a process, and another for another identity."""

import pytest

from esteira.aws import aws_client, aws_session


def test_a_process_logs_in_once_and_has_one_client_of_a_service(nobodys_credentials: None):
    assert aws_session() is aws_session()
    assert aws_client("s3") is aws_client("s3") is not aws_client("sts")


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"])
def test_an_environment_with_another_identity_gets_a_session_of_its_own(
    monkeypatch: pytest.MonkeyPatch, nobodys_credentials: None, name: str
):
    before, client = aws_session(), aws_client("s3")
    monkeypatch.setenv(name, "http://127.0.0.1:1" if name == "AWS_ENDPOINT_URL" else "eu-west-1")
    assert aws_session() is not before
    assert aws_client("s3") is not client
    if name == "AWS_DEFAULT_REGION":
        assert aws_session().region_name == "eu-west-1"
