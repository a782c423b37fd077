"""The summariser: puts a package into a sentence, and the packages into an order."""

from __future__ import annotations

from collections import Counter

from flowledger.cli.demo.agent import Agent, execution_of
from flowledger.client import Message
from flowledger.domain.events import NodeCompleted, NodeStarted

_NAMED = 3


class Summariser(Agent):
    """Takes two requests: `summarise` a package, which is a task; `rank` the packages."""

    def handle(self, request: Message) -> None:
        if request.content["do"] == "summarise":
            self._summarise(request)
        else:
            self._rank(request)

    def _summarise(self, request: Message) -> None:
        package, findings = request.content["package"], request.content["findings"]
        self.tell(f"summarises {package}")
        self.publish(NodeStarted(node="summarise", agent_id=self.me.agent_id), execution_of(request))
        with self.task(request.content["task_id"]) as task:
            kinds = Counter(finding["kind"] for finding in findings)
            for kind, count in kinds.most_common():
                task.log(f"{kind}: {count}")
            files = Counter(finding["path"] for finding in findings)
            summary = {
                "findings": len(findings),
                "kinds": dict(kinds),
                "most": dict(files.most_common(_NAMED)),
                "per_1000_lines": round(1000 * len(findings) / max(1, request.content["lines"]), 1),
            }
            task.complete(summary)
        self.publish(NodeCompleted(node="summarise", output=summary), execution_of(request))
        text = f"{len(findings)} findings, {summary['per_1000_lines']} in 1,000 lines"
        if files:
            text += f"; most in {next(iter(summary['most']))}"
        self.reply(request, {"text": text, **summary})

    def _rank(self, request: Message) -> None:
        self.tell("ranks the packages")
        self.publish(NodeStarted(node="rank", agent_id=self.me.agent_id), execution_of(request))
        packages: dict[str, float] = request.content["packages"]
        ranking = sorted(packages, key=lambda name: (packages[name], name))
        output = {"ranking": ranking, "weightiest": request.content["weightiest"][:_NAMED]}
        self.publish(NodeCompleted(node="rank", output=output), execution_of(request))
        self.reply(request, {"text": f"fewest findings a line: {', '.join(ranking)}", **output})
