"""Reads and writes with python-gitlab what the task on standard input names, and prints the answers."""

import json
import sys

import gitlab


def main():
    task = json.load(sys.stdin)
    client = gitlab.Gitlab(task["url"], private_token=task["token"])
    client.auth()
    project = client.projects.get(task["projectPath"])
    answers = {
        "user": client.user.username,
        "projectByPath": project.id,
        "projectById": client.projects.get(task["projectId"]).path_with_namespace,
        **merge_requests_and_notes(project, task),
        **statuses(project, task),
        **reading(project, task),
        **hooks(project, task),
        "errors": errors(client, task),
    }
    json.dump(answers, sys.stdout)


def merge_requests_and_notes(project, task):
    made = project.mergerequests.create(
        {"source_branch": task["sourceBranch"], "target_branch": "main", "title": "Made by a client"}
    )
    shown = project.mergerequests.get(made.iid)
    first = shown.notes.create({"body": "first"})
    second = shown.notes.create({"body": "second"})
    first.body = "first, edited"
    first.save()
    second.delete()
    listed = project.mergerequests.list(state="opened", get_all=True)
    return {
        "madeIid": made.iid,
        "shown": [shown.title, shown.source_branch, shown.sha],
        "listed": sorted(mr.iid for mr in listed),
        "notes": [note.body for note in shown.notes.list(get_all=True) if not note.system],
    }


def statuses(project, task):
    commit = project.commits.get(task["sha"])
    made = commit.statuses.create({"state": "success", "name": "mlmm", "description": "as good as main"})
    listed = commit.statuses.list(get_all=True)
    return {
        "status": [made.status, made.name],
        "statuses": sorted(f"{status.name} {status.status}" for status in listed),
    }


def reading(project, task):
    pipeline = project.pipelines.get(task["pipelineId"])
    bulk = project.mergerequests.get(task["bulkIid"])
    return {
        "members": sorted(member.username for member in project.members_all.list(get_all=True)),
        "pipelines": [entry.id for entry in project.pipelines.list(source="merge_request_event", get_all=True)],
        "jobs": sorted(f"{job.name} {job.status}" for job in pipeline.jobs.list(get_all=True)),
        "file": project.files.get(file_path=task["file"], ref="main").decode().decode(),
        "rawFile": project.files.raw(file_path=task["file"], ref="main").decode(),
        "tree": [entry["path"] for entry in project.repository_tree(ref="main", get_all=True)],
        "paged": len({note.id for note in bulk.notes.list(iterator=True, per_page=50)}),
    }


def hooks(project, task):
    made = project.hooks.create(
        {"url": task["receiver"], "push_events": False, "merge_requests_events": True, "token": "secret"}
    )
    made.pipeline_events = True
    made.save()
    shown = project.hooks.get(made.id)
    shown.test("push_events")
    shown.delete()
    return {
        "hook": [shown.url == task["receiver"], shown.push_events, shown.pipeline_events, shown.alert_status],
        "hooksLeft": len(project.hooks.list(get_all=True)),
    }


def errors(client, task):
    stranger = gitlab.Gitlab(task["url"], private_token="wrong")
    project = client.projects.get(task["projectId"], lazy=True)
    return {
        "missing": code_of(lambda: client.projects.get("research/nothing")),
        "unauthorized": code_of(lambda: stranger.auth()),
        "limited": code_of(lambda: project.branches.list(get_all=True, obey_rate_limit=False)),
    }


def code_of(work):
    try:
        work()
    except gitlab.exceptions.GitlabError as error:
        return error.response_code
    return None


main()
