"""The coordinator: makes the executions, sends their work to the others round by round, and takes the results in."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from flowledger.cli.demo import reading
from flowledger.cli.demo.agent import Agent, execution_of
from flowledger.cli.demo.fleet import REVIEWER, SUMMARISER, SURVEYORS, Fleet
from flowledger.cli.demo.review import Review
from flowledger.client import Message
from flowledger.domain.events import (
    ExecutionCheckpointed,
    ExecutionCompleted,
    ExecutionCreated,
    ExecutionQueued,
    ExecutionStarted,
    NodeCompleted,
    NodeSkipped,
    NodeStarted,
    TaskCreated,
    TaskQueued,
)
from flowledger.domain.ids import new_id

PACKAGES_AT_ONCE: Final = 5
"""So many that there is work to do while messages are on their way."""
_WEIGHTIEST: Final = 10


class Coordinator(Agent):
    """Takes one request, to review the project. Each package is a graph with a loop: survey ▸ review ▸ …, summarise."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        super().__init__(fleet, name)
        self._asked: dict[str, tuple[Review, Callable[[Review, dict[str, Any]], None]]] = {}
        self._waiting: deque[Review] = deque()
        self._finished: dict[str, tuple[Review, dict[str, Any]]] = {}
        self._surveyors = itertools.cycle(SURVEYORS)

    def work(self) -> None:
        request = self.take()
        packages = self._plan(request)
        while len(self._finished) < packages:
            self._take_result()
        self.reply(request, self._rank(request))
        self.ack(request)
        self.broadcast("command", "That was all, thank you")
        for _ in self.messages():
            pass  # what is said to all comes to its sender, too

    def _plan(self, request: Message) -> int:
        """Makes the executions and begins the first; returns how many packages there are."""
        project = execution_of(request)
        self._create(project, {"project": "flowledger"})
        self.publish(ExecutionStarted(), project)
        self.publish(NodeStarted(node="plan", agent_id=self.me.agent_id), project)
        plan = reading.packages()
        self.files = sum(map(len, plan.values()))
        for package, files in plan.items():
            review = Review.of(package, files)
            self._create(review.execution_id, {"package": package}, parent_execution_id=project)
            self._waiting.append(review)
        output = {package: len(files) for package, files in plan.items()}
        self.publish(NodeCompleted(node="plan", output=output), project)
        self.broadcast("notification", f"{self.files} files in {len(plan)} packages: work begins")
        for _ in range(PACKAGES_AT_ONCE):
            self._begin_next()
        return len(plan)

    def _begin_next(self) -> None:
        """Starts the execution that has waited longest; the others stay queued."""
        if self._waiting:
            review = self._waiting.popleft()
            self.publish(ExecutionStarted(), review.execution_id)
            self._next_round(review)

    def _next_round(self, review: Review) -> None:
        """The next files go to a surveyor; where none are left, the findings go to the summariser."""
        if not review.rounds:
            self._ask_for_summary(review)
            return
        review.iteration += 1
        files = review.rounds.popleft()
        surveyor = next(self._surveyors)
        tasks = {path: self._create_task(review, "survey", path, surveyor) for path in files}
        text = f"Please survey {_named(files)}"
        self._ask(review, surveyor, self._surveyed, text, do="survey", iteration=review.iteration, files=tasks)

    def _take_result(self) -> None:
        message = self.take()
        if message.in_reply_to is not None:  # else it is this agent's own word to all
            review, go_on = self._asked.pop(message.in_reply_to)
            go_on(review, message.content)
        self.ack(message)
        self.tell(f"{len(self._finished)} packages done, {len(self._asked)} requests out")

    def _surveyed(self, review: Review, answer: dict[str, Any]) -> None:
        files, failed = answer["read"], answer["failed"]
        review.lines += answer["lines"]
        review.failed += len(failed)
        self.files_done += len(failed)
        if not files:
            reason = "no file of this round can be read"
            self.publish(NodeSkipped(node="review", iteration=review.iteration, reason=reason), review.execution_id)
            self._end_round(review)
            return
        tasks = {path: self._create_task(review, "review", path, REVIEWER) for path in files}
        text = f"Please review {_named(files)}"
        self._ask(review, REVIEWER, self._reviewed, text, do="review", iteration=review.iteration, files=tasks)

    def _reviewed(self, review: Review, answer: dict[str, Any]) -> None:
        review.findings += answer["findings"]
        review.reviewed += answer["files"]
        self.files_done += answer["files"]
        self._end_round(review)

    def _end_round(self, review: Review) -> None:
        checkpoint = ExecutionCheckpointed(state=review.state, iterations=review.iteration)
        self.publish(checkpoint, review.execution_id)
        self._next_round(review)

    def _ask_for_summary(self, review: Review) -> None:
        task_id = self._create_task(review, "summarise", review.package, SUMMARISER)
        content = {"package": review.package, "lines": review.lines, "findings": review.findings}
        text = f"Please sum up {review.package}: {review.reviewed} files, {len(review.findings)} findings"
        self._ask(review, SUMMARISER, self._summarised, text, do="summarise", task_id=task_id, **content)

    def _summarised(self, review: Review, answer: dict[str, Any]) -> None:
        self._finished[review.package] = (review, answer)
        completed = ExecutionCompleted(output=answer, final_state=review.state, iterations=review.iteration)
        self.publish(completed, review.execution_id)
        self._begin_next()

    def _rank(self, request: Message) -> dict[str, Any]:
        """The last node of the project's own execution; nothing else is under way any more."""
        reviews = [review for review, _ in self._finished.values()]
        findings = [finding for review in reviews for finding in review.findings]
        weightiest = sorted(findings, key=lambda finding: -finding["weight"])[:_WEIGHTIEST]
        packages = {name: summary["per_1000_lines"] for name, (_, summary) in self._finished.items()}
        content = {"text": f"Please rank {len(reviews)} packages", "do": "rank", "packages": packages}
        answer = self.request(SUMMARISER, content | {"weightiest": weightiest}, about=request)
        lines = sum(review.lines for review in reviews)
        result = {
            "text": f"{self.files} files, {lines:,} lines, {len(findings)} findings; {answer['text']}",
            "ranking": answer["ranking"],
            "weightiest": answer["weightiest"],
        }
        self.publish(ExecutionCompleted(output=result), execution_of(request))
        return result

    def _create(self, execution_id: str, given: dict[str, Any], parent_execution_id: str | None = None) -> None:
        created = ExecutionCreated(
            workflow_id=self.fleet.workflow_id,
            workspace_id=self.fleet.workspace_id,
            sandbox_id=self.me.sandbox_id,
            agent_id=self.me.agent_id,
            user_id=self.fleet.user_id,
            mode="demo",
            trigger_type="message",
            input=given,
            parent_execution_id=parent_execution_id,
        )
        self.publish(created, execution_id)
        self.publish(ExecutionQueued(), execution_id)

    def _create_task(self, review: Review, kind: str, of_what: str, assignee: str) -> str:
        task_id = new_id("task")
        member = self.fleet.member(assignee)
        created = TaskCreated(
            name=f"{kind} {of_what}",
            kind=kind,
            execution_id=review.execution_id,
            workspace_id=self.fleet.workspace_id,
            sandbox_id=member.sandbox_id,
            agent_id=member.agent_id,
            user_id=self.fleet.user_id,
        )
        self.publish(created, task_id)
        self.publish(TaskQueued(queue=assignee), task_id)
        return task_id

    def _ask(
        self, review: Review, name: str, then: Callable[[Review, dict[str, Any]], None], text: str, **content: Any
    ) -> None:
        """Sends a request of a review; what is answered goes to `then`."""
        about = {"thread_id": review.thread_id, "execution_id": review.execution_id}
        self._asked[self.send(name, {"text": text, **content}, **about)] = (review, then)


def _named(files: Sequence[str]) -> str:
    names = ", ".join(path.rsplit("/", 1)[-1] for path in files[:2])
    return f"{names} and {len(files) - 2} more" if len(files) > 2 else names
