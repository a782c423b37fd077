"""The surveyors: read each file, tell of every definition in it, and answer where a name is used."""

from __future__ import annotations

import traceback
from typing import Any

from flowledger.cli.demo import reading
from flowledger.cli.demo.agent import Agent, TaskAtWork, execution_of
from flowledger.cli.demo.reading import Module
from flowledger.client import Message
from flowledger.domain.events import NodeCompleted, NodeStarted
from flowledger.domain.statuses import Level


class Surveyor(Agent):
    """Takes two requests: `survey` some files, each a task; `uses` of a name."""

    def handle(self, request: Message) -> None:
        if request.content["do"] == "survey":
            self._survey(request)
        else:
            self._find_uses(request)

    def _survey(self, request: Message) -> None:
        iteration, files = request.content["iteration"], request.content["files"]
        started = NodeStarted(
            node="survey", iteration=iteration, agent_id=self.me.agent_id, input={"files": list(files)}
        )
        self.publish(started, execution_of(request))
        read = [self._survey_file(path, task_id) for path, task_id in files.items()]
        modules = [module for module in read if module is not None]
        figures = {
            "files": len(modules),
            "lines": sum(module.lines for module in modules),
            "definitions": sum(len(module.definitions) for module in modules),
        }
        self.publish(NodeCompleted(node="survey", iteration=iteration, output=figures), execution_of(request))
        failed = [path for path, module in zip(files, read, strict=True) if module is None]
        text = f"{figures['lines']:,} lines, {figures['definitions']} definitions"
        if failed:
            text += f"; not Python: {', '.join(failed)}"
        self.reply(request, {"text": text, "read": [module.path for module in modules], "failed": failed, **figures})

    def _survey_file(self, path: str, task_id: str) -> Module | None:
        self.tell(f"surveys {path}")
        with self.task(task_id) as task:
            try:
                module = reading.read(path)
            except (SyntaxError, ValueError) as error:
                task.log(f"cannot be read as Python: {error}", Level.ERROR)
                task.fail(error, traceback.format_exc())
                return None
            task.log(f"read {len(module.text):,} characters, {module.lines:,} lines", imports=list(module.imports))
            self._tell_definitions(task, module)
            task.complete(_figures(module))
        return module

    def _tell_definitions(self, task: TaskAtWork, module: Module) -> None:
        count = len(module.definitions)
        for place, one in enumerate(module.definitions, start=1):
            docstring = "documented" if one.documented else "no docstring"
            task.log(f"{one.kind} {one.name}: {one.lines} lines, {docstring}", Level.DEBUG, line=one.line)
            if place % max(4, count // 4) == 0:
                task.progress(place / count, f"{place} of {count} definitions")

    def _find_uses(self, request: Message) -> None:
        name = request.content["name"]
        self.tell(f"looks for uses of {name}")
        found = reading.mentions(name)
        first = ", ".join(list(found)[:2])
        text = f"{sum(found.values())} times in {len(found)} file{'s' if len(found) != 1 else ''}: {first}"
        self.reply(request, {"text": text if found else "nowhere", "uses": found})


def _figures(module: Module) -> dict[str, Any]:
    return {
        "lines": module.lines,
        "definitions": len(module.definitions),
        "documented": sum(one.documented for one in module.definitions),
    }
