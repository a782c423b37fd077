"""The reviewer: says what is worth a mention in each file, and asks a surveyor who uses what weighs most."""

from __future__ import annotations

import itertools
import traceback
from dataclasses import asdict
from typing import Final

from flowledger.cli.demo import reading
from flowledger.cli.demo.agent import Agent, execution_of
from flowledger.cli.demo.fleet import SURVEYORS, Fleet
from flowledger.cli.demo.reading import Finding
from flowledger.client import Message
from flowledger.domain.events import NodeCompleted, NodeStarted
from flowledger.domain.statuses import Level

_WEIGHTY: Final = 100
"""From this weight on a finding is a warning, and worth a question; below, a remark."""


class Reviewer(Agent):
    """Takes one request: `review` some files, each a task."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        super().__init__(fleet, name)
        self._surveyors = itertools.cycle(SURVEYORS)

    def handle(self, request: Message) -> None:
        iteration, files = request.content["iteration"], request.content["files"]
        started = NodeStarted(
            node="review", iteration=iteration, agent_id=self.me.agent_id, input={"files": list(files)}
        )
        self.publish(started, execution_of(request))
        found = [finding for path, task_id in files.items() for finding in self._review_file(path, task_id)]
        weightiest = max(found, key=lambda finding: finding.weight, default=None)
        if weightiest is not None and weightiest.name and weightiest.weight >= _WEIGHTY:
            self._ask_for_uses(request, weightiest)
        self.publish(
            NodeCompleted(node="review", iteration=iteration, output={"findings": len(found)}), execution_of(request)
        )
        text = f"{len(found)} finding{'s' if len(found) > 1 else ''}" if found else "nothing to mention"
        if weightiest is not None:
            text += f"; first: {weightiest.words} ({weightiest.path}:{weightiest.line})"
        self.reply(request, {"text": text, "files": len(files), "findings": [asdict(finding) for finding in found]})

    def _review_file(self, path: str, task_id: str) -> list[Finding]:
        self.tell(f"reviews {path}")
        with self.task(task_id) as task:
            try:
                module = reading.read(path)
            except (SyntaxError, ValueError) as error:  # it was changed since the survey
                task.fail(error, traceback.format_exc())
                return []
            functions = sum(one.kind != "class" for one in module.definitions)
            public = sum(one.public for one in module.definitions)
            task.log(f"{functions} functions: which have over {reading.LONG_FUNCTION} lines?")
            task.log(f"{public} public definitions: which have no docstring?")
            task.progress(0.5, "read")
            found = reading.findings(module)
            for finding in found:
                level = Level.WARNING if finding.weight >= _WEIGHTY else Level.INFO
                task.log(finding.words, level, kind=finding.kind, line=finding.line)
            task.complete({"findings": len(found)})
        return found

    def _ask_for_uses(self, request: Message, finding: Finding) -> None:
        """Asks a surveyor who depends on what was found."""
        name = finding.name.split(".")[-1]
        content = {"text": f"Who uses {name}? {finding.words}", "do": "uses", "name": name}
        self.request(next(self._surveyors), content, about=request)
