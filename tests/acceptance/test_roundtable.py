"""RoundTable, as its report says it: "agents in sandboxes; SQLAlchemy, SQLite".

The quoted lines are the report's; an agent's mailbox is real, and so is the post office between two of them.
`docs/platforms.md` is the table.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from sqlalchemy import select

from flowledger import Mailbox, Message
from flowledger.domain.errors import Refused
from flowledger.storage import tables
from flowledger.storage.ledger.tail import Tail, Wanted
from flowledger.storage.lookups import (
    AgentRepository,
    CollaborationRepository,
    DeliveryRepository,
    McpServerRepository,
    MessageRepository,
    MetricHourRepository,
    SandboxRepository,
    UserRepository,
    WorkspaceRepository,
)
from tests.acceptance.conftest import MakePlatform
from tests.acceptance.reporting import START, Platform, ids, known


@pytest.fixture
def table(make_platform: MakePlatform) -> Platform:
    return make_platform("/roundtable")


def new_id(prefix: str) -> str:
    """The report: "Ids `prefix_` + 10 hex digits". Any text is an id here."""
    return f"{prefix}_{secrets.token_hex(5)}"


def test_user_and_workspace(table: Platform) -> None:
    """The report: "**User** (email unique, password hash), **Workspace** (of a user, settings)".

    "User by email …; workspaces of a user"; "Generic repository: get, by field, list, create, update, delete, count."
    """
    ada, lab, den = new_id("user"), new_id("ws"), new_id("ws")
    table.report("user.created", ada, email="Ada@RoundTable.dev", full_name="Ada")
    table.report("workspace.created", lab, user_id=ada, name="Lab", settings={"max_sandboxes": 4})
    table.report("workspace.created", den, user_id=ada, name="Den")
    table.report("workspace.updated", lab, description="Where we try things")
    table.report("workspace.archived", den, reason="empty")
    with table.records() as connection:
        assert known(UserRepository(connection).by_email("ada@roundtable.dev")).id == ada
        workspaces = WorkspaceRepository(connection)
        assert ids(workspaces.newest(user_id=ada)) == [den, lab]
        assert ids(workspaces.newest(user_id=ada, status="active")) == [lab]
        assert workspaces.count(user_id=ada) == 2
        found = known(workspaces.get(lab))
        assert (found.settings, found.description) == ({"max_sandboxes": 4}, "Where we try things")


def test_sandbox(table: Platform) -> None:
    """The report: "**Sandbox** (of a workspace; provisioning, starting, running, stopping, stopped, error; …)".

    "sandboxes of a workspace, update status"; "agent configuration, connection details, container id"
    """
    lab, box = new_id("ws"), new_id("sb")
    config = {"model": "gpt-4", "temperature": 0.7, "max_tokens": 4096, "tools": ["search"]}
    table.report("sandbox.created", box, workspace_id=lab, name="Reader", agent_config=config,
                 resource_limits={"cpu": 0.5, "memory_bytes": 2**29, "timeout_seconds": 300})  # fmt: skip
    for said, status in (
        ("provisioning", "provisioning"), ("starting", "starting"), ("started", "running"), ("stopping", "stopping"),
        ("stopped", "stopped"), ("starting", "starting"), ("started", "running"),
    ):  # fmt: skip
        table.report(f"sandbox.{said}", box)
        with table.records() as connection:
            assert known(SandboxRepository(connection).get(box)).status == status
    table.report("sandbox.updated", box, container_id="3f4e", connection={"host": "10.0.0.7", "port": 8080},
                 health={"status": "healthy", "checked_at": "2026-03-02T09:00:00Z"})  # fmt: skip
    with table.records() as connection:
        sandboxes = SandboxRepository(connection)
        found = known(sandboxes.get(box))
        assert (found.agent_config, found.container_id, found.connection) == (
            config, "3f4e", {"host": "10.0.0.7", "port": 8080}
        )  # fmt: skip
        assert known(found.health)["status"] == "healthy"
        assert ids(sandboxes.of_workspace(lab)) == ids(sandboxes.newest(workspace_id=lab, status="running")) == [box]
    table.report("sandbox.failed", box, error={"message": "out of memory"})
    with table.records() as connection:
        failed = known(SandboxRepository(connection).get(box))
        assert (failed.status, known(failed.error)["message"]) == ("error", "out of memory")


def test_password(table: Platform) -> None:
    """The report: "password hash"; "create with hashed password"."""
    ada = new_id("user")
    table.report("user.created", ada, email="ada@roundtable.dev")
    table.office.drain()
    users = table.users
    users.set_password(ada, "correct horse battery", by="sign-up")
    with table.records() as connection:
        assert connection.execute(select(tables.passwords.c.hash)).scalar_one().startswith("$argon2id$")
    assert users.sign_in("ada@roundtable.dev", "correct horse battery").session.user_id == ada


@contextmanager
def mailboxes(table: Platform, *sandboxes: str) -> Iterator[list[Mailbox]]:
    opened = [Mailbox(sandbox, settings=table.settings) for sandbox in sandboxes]
    try:
        yield [mailbox.__enter__() for mailbox in opened]
    finally:
        for mailbox in opened:
            mailbox.close()


def received(table: Platform, mailbox: Mailbox) -> Message:
    """The next message, once the ledger has recorded and delivered what was sent."""
    table.office.drain()
    return known(mailbox.receive(timeout=10))


def test_message(table: Platform) -> None:
    """The report: "**Message** (from sandbox, to sandbox, workspace, content; request, response, notification, command;
    pending, sent, delivered, failed)". "messages of a sandbox, of a workspace, update status"
    """
    lab, asker, reader = new_id("ws"), new_id("sb"), new_id("sb")
    for sandbox in (asker, reader):
        table.report("sandbox.created", sandbox, workspace_id=lab)
    with mailboxes(table, asker, reader) as (asks, reads):
        sent = asks.send(reader, {"read": "a.txt"}, message_type="request", workspace_id=lab).message_id
        request = received(table, reads)
        with table.records() as connection:
            (delivery,) = DeliveryRepository(connection).of_message(sent).items
            assert (delivery.to_sandbox_id, delivery.status) == (reader, "sent")
        reads.reply(request, {"text": "hello"}, workspace_id=lab)
        reads.ack(request)
        response = received(table, asks)
        assert (response.message_type, response.in_reply_to, response.content) == ("response", sent, {"text": "hello"})
        asks.nack(response, "not what I asked for")
    with table.records() as connection:
        messages, deliveries = MessageRepository(connection), DeliveryRepository(connection)
        of_reader = messages.of_sandbox(reader).items
        assert [one.message_type for one in of_reader] == ["request", "response"]
        assert [one.id for one in messages.of_workspace(lab).items] == [sent, response.id]
        assert [one.status for one in deliveries.of_message(sent).items] == ["delivered"]
        assert [one.message_id for one in deliveries.of_sandbox(reader, status="delivered").items] == [sent]
        (failed,) = deliveries.of_message(response.id).items
        assert (failed.status, failed.reason) == ("failed", "not what I asked for")


def test_broadcast(table: Platform) -> None:
    """The report: "broadcast"; wanted next: "Redis connections with health checks, pub/sub, message queues"."""
    lab, leader, *others = new_id("ws"), new_id("sb"), new_id("sb"), new_id("sb")
    for sandbox in (leader, *others):
        table.report("sandbox.created", sandbox, workspace_id=lab)
    table.office.drain()
    with mailboxes(table, leader, *others) as (leads, *follow):
        sent = leads.broadcast(lab, "we begin").message_id
        for mailbox in follow:
            mailbox.ack(received(table, mailbox))
    with table.records() as connection:
        found = {one.to_sandbox_id: one.status for one in DeliveryRepository(connection).of_message(sent).items}
    assert found == {leader: "sent"} | dict.fromkeys(others, "delivered")


def test_live_streaming(table: Platform) -> None:
    """The report: wanted next: "live streaming". This is what `flowledger tail` shows."""
    tail = Tail(table.storage, Wanted(types=["sandbox.*"]))
    assert list(tail.look()) == []
    for said, subject in (("sandbox.started", "sb_1"), ("workspace.created", "ws_1"), ("sandbox.stopped", "sb_1")):
        table.report(said, subject)
    table.office.drain()
    assert [event.type for event in tail.look()] == ["sandbox.started", "sandbox.stopped"]
    assert list(tail.look()) == []


@pytest.mark.parametrize(
    ("type_", "field", "wrong"),
    [
        ("sandbox.created", "agent_config", {"temperature": 2.1}),
        ("sandbox.created", "agent_config", {"max_tokens": 0}),
        ("sandbox.created", "resource_limits", {"memory_bytes": -1}),
        ("sandbox.created", "connection", {"port": 65_536}),
        ("sandbox.created", "name", "x" * 256),
        ("agent.created", "agent_config", {"temperature": -0.1}),
        ("user.created", "email", "ada at roundtable"),
        ("collaboration.progressed", "progress", 1.1),
        ("mcp_server.connected", "tool_count", -1),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_bounds(table: Platform, type_: str, field: str, wrong: object) -> None:
    """The report: "Typed models with bounds (temperature, token counts, name lengths, email)". Refused before sent."""
    with pytest.raises(Refused) as refused:
        table.report(type_, new_id("x"), **{field: wrong})
    assert str(refused.value.field).startswith(f"data.{field}")


def test_models(table: Platform) -> None:
    """The report: "agent configuration and definition, …, collaboration and its progress, LLM provider, MCP server,
    collaboration policy, aggregate metrics, workspace configuration"
    """
    agent, other, work, tools = new_id("agent"), new_id("agent"), new_id("collab"), new_id("mcp")
    table.report("agent.created", agent, name="Reader", capabilities=["read", "sum up"],
                 agent_config={"provider": "openai", "model": "gpt-4", "system_prompt": "You read."})  # fmt: skip
    table.report("collaboration.created", work, coordinator_id=agent, member_ids=[agent, other], mode="sequential",
                 goal="a summary", policy={"max_rounds": 3, "on_failure": "stop"})  # fmt: skip
    table.report("collaboration.started", work)
    table.report("collaboration.progressed", work, progress=0.25, message="round 1")
    table.report("mcp_server.created", tools, name="files", transport="stdio", command="npx", args=["-y", "server-fs"])
    table.report("mcp_server.connected", tools, tool_count=11)
    for tokens in (100, 250):
        table.report("metric.recorded", agent, name="tokens", value=tokens, unit="1", kind="counter", agent_id=agent)
    with table.records() as connection:
        assert ids(AgentRepository(connection).with_capability("sum up")) == [agent]
        assert known(known(AgentRepository(connection).get(agent)).agent_config)["provider"] == "openai"
        collaborations = CollaborationRepository(connection)
        assert ids(collaborations.of_member(other)) == ids(collaborations.newest(status="running")) == [work]
        found = known(collaborations.get(work))
        assert (found.progress, found.policy) == (0.25, {"max_rounds": 3, "on_failure": "stop"})
        assert known(McpServerRepository(connection).by_name("files")).tool_count == 11
        (hour,) = MetricHourRepository(connection).series(agent, "tokens", since=START).items
        assert (hour.count, hour.sum, hour.min, hour.max) == (2, Decimal(350), 100.0, 250.0)
