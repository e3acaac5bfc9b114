import pytest


def test_the_process_says_it_lives(client):
    assert client.get("/healthz").json() == {"ok": True}


@pytest.mark.django_db
def test_a_desk_without_worker_and_beat_is_not_ready_and_says_which_part_is_missing(client):
    answer = client.get("/readyz")

    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert parts["redis"]["ok"]
    assert not parts["worker"]["ok"]
    assert parts["worker"]["why"] == "never heard of"
