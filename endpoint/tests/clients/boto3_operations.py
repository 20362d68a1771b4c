"""Every operation of Step Functions through boto3, one line each; fails when one is missing or answers otherwise."""

import json

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/r"
client = boto3.client("stepfunctions", config=Config(inject_host_prefix=False, retries={"max_attempts": 0}))
called = set()


def call(operation, **arguments):
    called.add(client.meta.method_to_api_mapping[operation])
    answer = getattr(client, operation)(**arguments)
    print(f"boto3 {operation}: {answer['ResponseMetadata']['HTTPStatusCode']}")
    return answer


def refused(code, operation, **arguments):
    try:
        call(operation, **arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        print(f"boto3 {operation}: refused with {code}")
        return
    raise AssertionError(f"{operation} was not refused")


def machine(name, state, **more):
    definition = json.dumps({"StartAt": "A", "States": {"A": {**state, "End": True}}})
    return call("create_state_machine", name=name, definition=definition, roleArn=ROLE, **more)["stateMachineArn"]


def ended(execution):
    while True:
        answer = client.describe_execution(executionArn=execution)
        if answer["status"] != "RUNNING":
            return answer


# State machines, versions, aliases, tags.
arn = machine("m", {"Type": "Pass"}, publish=True, tags=[{"key": "a", "value": "1"}])
call("describe_state_machine", stateMachineArn=arn)
call("update_state_machine", stateMachineArn=arn, roleArn=ROLE + "2")
call("publish_state_machine_version", stateMachineArn=arn)
assert len(call("list_state_machine_versions", stateMachineArn=arn)["stateMachineVersions"]) == 2
route = [{"stateMachineVersionArn": arn + ":1", "weight": 100}]
alias = call("create_state_machine_alias", name="live", routingConfiguration=route)["stateMachineAliasArn"]
call("update_state_machine_alias", stateMachineAliasArn=alias, description="d")
assert call("describe_state_machine_alias", stateMachineAliasArn=alias)["description"] == "d"
call("list_state_machine_aliases", stateMachineArn=arn)
call("tag_resource", resourceArn=arn, tags=[{"key": "b", "value": "2"}])
call("untag_resource", resourceArn=arn, tagKeys=["a"])
assert call("list_tags_for_resource", resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
for number in range(5):
    machine(f"page-{number}", {"Type": "Pass"})
pages = client.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
assert sum(len(page["stateMachines"]) for page in pages) == 6
call("list_state_machines")

# Executions.
execution = call("start_execution", stateMachineArn=alias, name="e", input='{"a": 1}')["executionArn"]
assert ended(execution)["output"] == '{"a": 1}'
call("describe_execution", executionArn=execution)
call("describe_state_machine_for_execution", executionArn=execution)
assert len(call("get_execution_history", executionArn=execution, reverseOrder=True)["events"]) == 4
assert call("list_executions", stateMachineArn=alias)["executions"][0]["stateMachineAliasArn"] == alias
refused("ExecutionAlreadyExists", "start_execution", stateMachineArn=arn, name="e", input="{}")
waits = machine("waits", {"Type": "Wait", "Seconds": 3600})
execution = call("start_execution", stateMachineArn=waits)["executionArn"]
call("stop_execution", executionArn=execution, error="Enough", cause="of it")
assert ended(execution)["status"] == "ABORTED"
call("redrive_execution", executionArn=execution)
client.stop_execution(executionArn=execution)
assert ended(execution)["redriveCount"] == 1
double = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:double"}
express = machine("express", double, type="EXPRESS")
assert call("start_sync_execution", stateMachineArn=express, input="21")["output"] == "42"

# Activities and task tokens.
activity = call("create_activity", name="a")["activityArn"]
call("describe_activity", activityArn=activity)
call("list_activities")
works = machine("works", {"Type": "Task", "Resource": activity})
execution = client.start_execution(stateMachineArn=works)["executionArn"]
token = call("get_activity_task", activityArn=activity, workerName="w")["taskToken"]
call("send_task_heartbeat", taskToken=token)
call("send_task_success", taskToken=token, output="2")
assert ended(execution)["output"] == "2"
execution = client.start_execution(stateMachineArn=works)["executionArn"]
token = client.get_activity_task(activityArn=activity)["taskToken"]
call("send_task_failure", taskToken=token, error="Broken", cause="as asked")
assert ended(execution)["error"] == "Broken"
refused("TaskTimedOut", "send_task_failure", taskToken=token)

# Map runs.
processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "B"}
processor["States"] = {"B": {"Type": "Wait", "Seconds": 3600, "End": True}}
maps = machine("maps", {"Type": "Map", "ItemProcessor": processor})
execution = client.start_execution(stateMachineArn=maps, input="[1, 2]")["executionArn"]
while not (runs := client.list_map_runs(executionArn=execution)["mapRuns"]):
    pass
run = call("list_map_runs", executionArn=execution)["mapRuns"][0]["mapRunArn"]
call("update_map_run", mapRunArn=run, maxConcurrency=5)
assert call("describe_map_run", mapRunArn=run)["maxConcurrency"] == 5
client.stop_execution(executionArn=execution)
assert ended(execution)["status"] == "ABORTED"

# Tests of definitions.
state = json.dumps({"Type": "Pass", "Result": 1, "End": True})
assert call("test_state", definition=state, roleArn=ROLE)["output"] == "1"
definition = json.dumps({"StartAt": "A", "States": {}})
assert call("validate_state_machine_definition", definition=definition)["result"] == "FAIL"

# The end.
call("delete_state_machine_alias", stateMachineAliasArn=alias)
call("delete_state_machine_version", stateMachineVersionArn=arn + ":1")
call("delete_activity", activityArn=activity)
call("delete_state_machine", stateMachineArn=arn)
refused("StateMachineDoesNotExist", "describe_state_machine", stateMachineArn=arn)

missing = sorted(set(client.meta.service_model.operation_names) - called)
assert not missing, missing
print(f"boto3: all {len(called)} operations were answered")
