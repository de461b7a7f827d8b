"""One login to AWS for a process, and another for another identity."""

import pytest

from esteira.vault import aws_session


def test_a_process_logs_in_once(nobodys_credentials: None):
    assert aws_session() is aws_session()


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"])
def test_an_environment_with_another_identity_gets_a_session_of_its_own(
    monkeypatch: pytest.MonkeyPatch, nobodys_credentials: None, name: str
):
    before = aws_session()
    monkeypatch.setenv(name, "eu-west-1")
    assert aws_session() is not before
    if name == "AWS_DEFAULT_REGION":
        assert aws_session().region_name == "eu-west-1"
