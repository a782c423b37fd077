"""The summariser: puts a package into a sentence, and the packages into an order."""

from __future__ import annotations

from collections import Counter

from cli.demo.agent import Agent
from cli.demo.transport import Letter
from domain.events import NodeCompleted, NodeStarted

_NAMED = 3


class Summariser(Agent):
    """Takes two requests: `summarise` a package, which is a task; `rank` the packages."""

    def handle(self, letter: Letter) -> None:
        if letter.content["do"] == "summarise":
            self._summarise(letter)
        else:
            self._rank(letter)

    def _summarise(self, letter: Letter) -> None:
        package, findings = letter.content["package"], letter.content["findings"]
        self.tell(f"summarises {package}")
        self.publish(NodeStarted(node="summarise", agent_id=self.me.agent_id), letter.execution_id)
        with self.task(letter.content["task_id"]) as task:
            kinds = Counter(finding["kind"] for finding in findings)
            for kind, count in kinds.most_common():
                task.log(f"{kind}: {count}")
            files = Counter(finding["path"] for finding in findings)
            summary = {
                "findings": len(findings),
                "kinds": dict(kinds),
                "most": dict(files.most_common(_NAMED)),
                "per_1000_lines": round(1000 * len(findings) / max(1, letter.content["lines"]), 1),
            }
            task.complete(summary)
        self.publish(NodeCompleted(node="summarise", output=summary), letter.execution_id)
        text = f"{len(findings)} findings, {summary['per_1000_lines']} in 1,000 lines"
        if files:
            text += f"; most in {next(iter(summary['most']))}"
        self.answer(letter, {"text": text, **summary})

    def _rank(self, letter: Letter) -> None:
        self.tell("ranks the packages")
        self.publish(NodeStarted(node="rank", agent_id=self.me.agent_id), letter.execution_id)
        packages: dict[str, float] = letter.content["packages"]
        ranking = sorted(packages, key=lambda name: (packages[name], name))
        output = {"ranking": ranking, "weightiest": letter.content["weightiest"][:_NAMED]}
        self.publish(NodeCompleted(node="rank", output=output), letter.execution_id)
        self.answer(letter, {"text": f"fewest findings a line: {', '.join(ranking)}", **output})
