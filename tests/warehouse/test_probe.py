"""What the doctor asks of the warehouse: it is true, and it leaves nothing behind."""

from dataclasses import replace
from typing import Any

import pytest

from esteira.errors import AuthError
from esteira.warehouse import Warehouse
from esteira.warehouse.probe import PROBE_TABLE, probe_copy_role, probe_grants, probe_login

pytestmark = pytest.mark.usefixtures("isolation")


def test_a_login_tells_user_and_database(bench: Any) -> None:
    assert f" on {bench.warehouse.config.database}" in probe_login(bench.warehouse)


def test_a_user_who_may_make_schemas_lacks_no_grant(bench: Any) -> None:
    assert probe_grants(bench.warehouse).startswith("schemas ")


def test_copy_may_read_the_curated_zone_under_its_role_and_nothing_stays(bench: Any) -> None:
    probe_copy_role(bench.warehouse, bench.lake.bucket)
    with bench.warehouse.session() as session:
        assert session.count("SELECT COUNT(*) FROM pg_class WHERE relname = %s", (PROBE_TABLE,)) == 0


def test_a_role_that_may_not_be_assumed_is_an_error_of_auth(bench: Any) -> None:
    config = replace(bench.warehouse.config, copy_role_arn="arn:aws:iam::000000000000:role/nobodys")
    other = Warehouse(config, bench.warehouse._credentials)
    with pytest.raises(AuthError, match="may not assume"):
        probe_copy_role(other, bench.lake.bucket)


def test_a_bucket_that_the_role_may_not_read_is_an_error_of_auth(bench: Any) -> None:
    with pytest.raises(AuthError, match=r"may not read s3://somebody-elses/curated/") as caught:
        probe_copy_role(bench.warehouse, "somebody-elses")
    assert "s3:GetObject on arn:aws:s3:::somebody-elses/curated/*" in caught.value.hint
