"""Requests that are answered at the same time."""

from moto.ec2.responses import EC2Response

from localcloud import answers


def test_what_one_answer_leaves_out_is_in_the_others():
    answers.keep_apart()
    one, other = EC2Response(), EC2Response()
    before = dict(EC2Response.RESPONSE_KEY_PATH_TO_TRANSFORMER)
    one._exclude_from_response("DescribeInstancesResult.Reservations")  # noqa: SLF001 - as moto does it
    assert before != one.RESPONSE_KEY_PATH_TO_TRANSFORMER
    assert before == other.RESPONSE_KEY_PATH_TO_TRANSFORMER == EC2Response.RESPONSE_KEY_PATH_TO_TRANSFORMER
