"""The community package in a fresh n8n: installed from its tarball, its credential tested, its nodes used."""

import time

from n8n.e2e.harness.fresh import Fresh


def test_the_credential_is_tested_by_its_button(fresh: Fresh) -> None:
    editor = fresh.n8n.editor
    assert editor.post("/rest/credentials/test", {"credentials": fresh.right})["status"] == "OK"
    data = {**fresh.right["data"], "apiKey": "not-a-key-of-this-service"}
    assert editor.post("/rest/credentials/test", {"credentials": {**fresh.right, "data": data}})["status"] == "Error"


def test_every_operation_does_what_it_says(fresh: Fresh) -> None:
    found = fresh.run(fresh.everything, conversation="room:17", question="Where is it?")
    (answer,) = found["Answer"]
    assert answer["created"] is True
    assert found["Progress"][0]["cancel_requested"] is False
    assert found["Presence"][0]["counts"]["agent"] == 0
    assert found["Get"][0]["responder"] == "human"
    assert found["Back"][0]["responder"] == "assistant"
    assert found["Close"][0]["status"] == "closed"
    assert [message["content"] for message in found["History"]] == ["Edited.", "You said: Where is it?"]
    (transcript,) = found["Transcript"]
    assert [message["role"] for message in transcript["messages"]] == ["user", "assistant"]
    assert found["Token"][0]["token"].count(".") == 2
    kinds = [entry["kind"] for entry in fresh.service.log("room:17")]
    assert kinds == ["message", "message", "edit", "update", "update", "update"]
    sender = fresh.service.log("room:17")[0]["sender"]
    assert (sender["role"], sender["id"]) == ("user", "visitor")


def test_another_execution_sends_another_message(fresh: Fresh) -> None:
    for _ in range(2):
        fresh.run(fresh.everything, conversation="twice", question="again")
    entries = [entry for entry in fresh.service.log("twice") if entry["kind"] == "message"]
    assert [entry["content"] for entry in entries if entry["sender"]["role"] == "user"] == ["again", "again"]


def test_an_error_has_its_code_and_what_mends_it(fresh: Fresh) -> None:
    refused = fresh.run(fresh.failing, conversation="errors")
    assert "(message_not_found)" in refused["error"] or "not_found" in refused["error"]
    denied = fresh.run(fresh.wrong_key, conversation="errors")
    assert "(unauthorized)" in denied["error"]
    assert "API key in the credential" in denied["description"]
    assert "not-a-key" not in str(denied)


def test_each_message_is_answered_once_and_with_acknowledgement_on_success_in_order(fresh: Fresh) -> None:
    fresh.subscribed()
    for chain, said in (("echo", "You said: "), ("careful", "Did: ")):
        for number in range(5):
            fresh.service.push(f"{chain}.order", str(number), role="user")
        found = fresh.service.until(f"{chain}.order", 10)
        answers = [text for role, text in found if role == "assistant"]
        # Acknowledged on start, executions of one conversation may overlap.
        assert (answers if chain == "careful" else sorted(answers)) == [f"{said}{number}" for number in range(5)]
    time.sleep(1.0)  # as long as a reply takes: its own replies start nothing
    assert [len(fresh.service.messages(f"{chain}.order")) for chain in ("echo", "careful")] == [10, 10]


def test_a_batch_is_one_execution(fresh: Fresh) -> None:
    fresh.subscribed()
    fresh.service.push("batch.a", "one", role="user")
    fresh.service.until("batch.a", 2)
    for word in ("two", "three", "four"):
        fresh.service.push("batch.a", word, role="user")
    end = time.monotonic() + 60
    while sum(int(text.split()[0]) for role, text in fresh.service.messages("batch.a") if role == "assistant") < 4:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_message_whose_execution_fails_is_given_again_and_holds_up_no_other_conversation(fresh: Fresh) -> None:
    fresh.subscribed()
    fresh.service.push("careful.bad", "fail", role="user")
    fresh.service.push("careful.good", "work", role="user")
    assert fresh.service.until("careful.good", 2)[1] == ("assistant", "Did: work")
    end = time.monotonic() + 60
    while fresh.n8n.runs(fresh.careful, "error") < 2:
        assert time.monotonic() < end, "it was not given again"
        time.sleep(0.2)
