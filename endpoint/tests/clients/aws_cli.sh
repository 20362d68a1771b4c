#!/usr/bin/env bash
# A first session with the aws command line; every command must succeed, and the last ones must print what is expected.
set -euo pipefail

role=arn:aws:iam::000000000000:role/r
definition='{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"done": true}, "End": true}}}'

step() {
    echo "aws stepfunctions $1"
    aws stepfunctions "$@" --output text
}

expect() {
    if [ "$1" != "$2" ]; then
        echo "expected '$2', found '$1'"
        exit 1
    fi
}

machine="$(aws stepfunctions create-state-machine --name cli --definition "$definition" --role-arn "$role" --query stateMachineArn --output text)"
step list-state-machines --max-items 10
step describe-state-machine --state-machine-arn "$machine"
execution="$(aws stepfunctions start-execution --state-machine-arn "$machine" --input '{"a": 1}' --query executionArn --output text)"
until [ "$(aws stepfunctions describe-execution --execution-arn "$execution" --query status --output text)" != RUNNING ]; do :; done
expect "$(aws stepfunctions describe-execution --execution-arn "$execution" --query output --output text)" '{"done":true}'
expect "$(aws stepfunctions get-execution-history --execution-arn "$execution" --query 'length(events)' --output text)" 4
expect "$(aws stepfunctions list-executions --state-machine-arn "$machine" --query 'executions[0].status' --output text)" SUCCEEDED
step delete-state-machine --state-machine-arn "$machine"
if aws stepfunctions describe-state-machine --state-machine-arn "$machine" 2>"${TMPDIR:-/tmp}/refused.$$"; then
    echo "a deleted state machine was described"
    exit 1
fi
grep -q StateMachineDoesNotExist "${TMPDIR:-/tmp}/refused.$$"
rm -f "${TMPDIR:-/tmp}/refused.$$"
echo "aws command line: every step was answered"
