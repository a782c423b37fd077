"""The reviewer: says what is worth a mention in each file, and asks a surveyor about the weightiest finding."""

from __future__ import annotations

import itertools
import traceback
from collections import deque
from dataclasses import asdict
from typing import Final

from cli.demo import reading
from cli.demo.agent import Agent
from cli.demo.fleet import SURVEYORS, Fleet
from cli.demo.reading import Finding
from cli.demo.transport import Letter
from domain.events import NodeCompleted, NodeStarted
from domain.statuses import Level

_WEIGHTY: Final = 100
"""From this weight on a finding is a warning; below, a remark."""


class Reviewer(Agent):
    """Takes one request: `review` some files, each a task."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        super().__init__(fleet, name)
        self._later: deque[Letter] = deque()
        self._surveyors = itertools.cycle(SURVEYORS)

    def take(self) -> Letter:
        return self._later.popleft() if self._later else super().take()

    def handle(self, letter: Letter) -> None:
        iteration, files = letter.content["iteration"], letter.content["files"]
        started = NodeStarted(
            node="review", iteration=iteration, agent_id=self.me.agent_id, input={"files": list(files)}
        )
        self.publish(started, letter.execution_id)
        found = [finding for path, task_id in files.items() for finding in self._review_file(path, task_id)]
        weightiest = max(found, key=lambda finding: finding.weight, default=None)
        if weightiest is not None and weightiest.name:
            self._ask_for_uses(letter, weightiest)
        self.publish(
            NodeCompleted(node="review", iteration=iteration, output={"findings": len(found)}), letter.execution_id
        )
        text = f"{len(found)} finding{'s' if len(found) > 1 else ''}" if found else "nothing to mention"
        if weightiest is not None:
            text += f"; first: {weightiest.words} ({weightiest.path}:{weightiest.line})"
        self.answer(letter, {"text": text, "files": len(files), "findings": [asdict(finding) for finding in found]})

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

    def _ask_for_uses(self, letter: Letter, finding: Finding) -> None:
        """Asks a surveyor who depends on what was found, and waits; what comes in meanwhile is taken up later."""
        name = finding.name.split(".")[-1]
        asked = self.send(
            (next(self._surveyors),),
            "request",
            {"text": f"Who uses {name}? {finding.words}", "do": "uses", "name": name},
            thread_id=letter.thread_id,
            execution_id=letter.execution_id,
        )
        while (reply := super().take()).in_reply_to != asked:
            self._later.append(reply)
