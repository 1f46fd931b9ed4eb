"""The commands that talk to a server, wherever it is: name, place below `trivium.cli`, what it does."""

REMOTE_COMMANDS = (
    ("chat", "chat:chat", "Talk with an agent in the terminal."),
    ("status", "remote_overview:status", "Show the organization in numbers."),
    ("logs", "remote_overview:logs", "Show what happened lately."),
    ("agents", "remote_agents:agents", "List, make, change and delete agents."),
    ("knowledge", "remote_knowledge:app", "Files that agents answer from."),
    ("workflow", "remote_workflow:app", "Run and trigger workflows."),
    ("playground", "remote_playground:app", "Try an agent without a visitor."),
    ("task", "remote_task:task", "Ask an agent once, or go on with a conversation."),
    ("sessions", "remote_sessions:app", "Conversations of an agent and their traces."),
    ("agent", "remote_agents:agent", "Health, description and tools of an agent."),
    ("runs", "remote_runs:app", "Runs: list, show, events, cancel, approve."),
    ("api-keys", "remote_admin:api_keys", "Keys of the organization."),
    ("keys", "remote_admin:keys", "The same as api-keys."),
    ("webhooks", "remote_admin:webhooks", "Subscriptions to what happens."),
    ("deliveries", "remote_admin:deliveries", "Outgoing signed calls and how they fared."),
    ("listen", "remote_listen:listen", "Forward webhooks to a program on this machine."),
    ("trigger", "remote_listen:trigger", "Send a sample event to a program on this machine."),
    ("login", "remote_login:login", "Sign in and keep the token in a context."),
    ("whoami", "remote_login:whoami", "Show which server and whose key is used."),
    ("context", "remote_context_commands:app", "Named servers with their keys."),
)
