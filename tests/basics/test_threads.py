from contextvars import ContextVar

from rios_flows.basics.threads import thread_in_context

PLACE: ContextVar[str] = ContextVar("place", default="nowhere")


def test_a_thread_sees_the_context_of_whoever_made_it_and_does_not_change_it() -> None:
    seen: list[object] = []

    def work(*args: object) -> None:
        seen.extend([PLACE.get(), *args])
        PLACE.set("in the thread")

    token = PLACE.set("where it was made")
    thread = thread_in_context(work, 1, 2, name="worker")
    PLACE.reset(token)
    assert (thread.name, thread.daemon, thread.is_alive()) == ("worker", True, False)
    thread.start()
    thread.join()
    assert seen == ["where it was made", 1, 2]
    assert PLACE.get() == "nowhere"
