import pickle
import re
from pathlib import Path

import grpc
import grpc.aio
import pytest
from google.rpc import status_pb2

from etude.mesh.errors import TABLE, EtudeError, from_rpc_error, from_status, to_status
from etude.stage.v1 import error_reason_pb2
from etude.stage.v1.error_reason_pb2 import ErrorReason

PROTO = Path(__file__).parents[2] / "proto" / "etude" / "stage" / "v1" / "error_reason.proto"


def test_the_table_is_complete():
    assert {f"ERROR_REASON_{name}" for name in TABLE} == set(ErrorReason.keys())


def test_the_table_says_what_the_contract_says():
    pairs = re.findall(r"// ([A-Z_]+): [^\n]*\n(?:\s*//[^\n]*\n)*\s*ERROR_REASON_(\w+) = ", PROTO.read_text())
    assert {name: code for code, name in pairs} == {
        name: codes.grpc.name for name, codes in TABLE.items() if name != "UNSPECIFIED"
    }


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_reason_crosses_the_wire(name):
    error = EtudeError(
        name, "What is wrong.", violations=[("a.b", "bad")], metadata={"key": "value"}, retry_after_s=0.25
    )
    back = from_status(status_pb2.Status.FromString(to_status(error).SerializeToString()))
    for attribute in ("reason", "message", "violations", "metadata", "retry_after_s", "code", "http_status"):
        assert getattr(back, attribute) == getattr(error, attribute)


def test_client_and_server_faults_stay_apart_in_http():
    for codes in TABLE.values():
        client_fault = codes.grpc in {
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.NOT_FOUND,
            grpc.StatusCode.FAILED_PRECONDITION,
            grpc.StatusCode.ALREADY_EXISTS,
            grpc.StatusCode.ABORTED,
            grpc.StatusCode.OUT_OF_RANGE,
            grpc.StatusCode.UNAUTHENTICATED,
            grpc.StatusCode.PERMISSION_DENIED,
            grpc.StatusCode.CANCELLED,
        }
        assert (400 <= codes.http < 500) == client_fault or codes.http == 429


def test_a_reason_may_be_given_in_three_ways():
    by_value = EtudeError(error_reason_pb2.ERROR_REASON_EMPTY_FILE, "")
    assert by_value.reason == EtudeError("EMPTY_FILE", "").reason == EtudeError("ERROR_REASON_EMPTY_FILE", "").reason
    for unknown in ("NOTHING", 9999):
        with pytest.raises(ValueError, match=r"NOTHING|9999"):
            EtudeError(unknown, "")


def test_pickling_keeps_everything():
    error = EtudeError("NO_PAGES", "m", violations=[("a", "b")], metadata={"c": "d"}, retry_after_s=3.0)
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


def test_an_unexpected_error_tells_nothing_but_its_trace():
    error = from_status(to_status(ValueError("swordfish"), trace_id="ab" * 16))
    assert error.reason == "INTERNAL"
    assert "ab" * 16 in error.message
    assert "swordfish" not in str(to_status(ValueError("swordfish")))


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_an_error_without_details_gets_the_reason_its_code_suggests(code):
    bare = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="words")
    error = from_rpc_error(bare)
    assert error.message == "words"
    assert error.metadata["grpc_code"] == code.name
    assert error.code is code or error.reason == "INTERNAL"


def test_a_status_of_another_domain_keeps_its_message():
    error = from_status(status_pb2.Status(code=5, message="no such bucket"))
    assert (error.reason, error.message) == ("INTERNAL", "no such bucket")
