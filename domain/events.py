"""The data classes of all events, one for each type, and their parts (CONTRACT §4)."""

from __future__ import annotations

from flowledger.domain.kinds import EVENT_TYPES as EVENT_TYPES
from flowledger.domain.kinds.agents import *
from flowledger.domain.kinds.audit import *
from flowledger.domain.kinds.base import Error as Error
from flowledger.domain.kinds.base import EventData as EventData
from flowledger.domain.kinds.base import Part as Part
from flowledger.domain.kinds.collaborations import *
from flowledger.domain.kinds.custom_nodes import *
from flowledger.domain.kinds.executions import *
from flowledger.domain.kinds.knowledge import *
from flowledger.domain.kinds.mcp_servers import *
from flowledger.domain.kinds.messages import *
from flowledger.domain.kinds.metrics import *
from flowledger.domain.kinds.sandboxes import *
from flowledger.domain.kinds.schedules import *
from flowledger.domain.kinds.tasks import *
from flowledger.domain.kinds.users import *
from flowledger.domain.kinds.webhooks import *
from flowledger.domain.kinds.workflows import *
from flowledger.domain.kinds.workspaces import *
