#!/usr/bin/env bash
# Deploys a template with nothing but the AWS CLI: packages it, shows what would change, changes it, protects it.
#
#   deploy.sh plan    STACK TEMPLATE [Key=Value ...]   what a deployment would change; changes nothing
#   deploy.sh deploy  STACK TEMPLATE [Key=Value ...]   create or update the stack, wait, show its outputs
#   deploy.sh outputs STACK
#   deploy.sh protect STACK                            nobody deletes it by mistake
#   deploy.sh delete  STACK                            also if it is protected; waits
#
# Parameters that are not named keep their values in an update. From the environment: BUCKET, for templates that name
# others by local path; TAGS, such as "Project=hpc Team=a"; everything that the AWS CLI reads. Copy it and make it yours.
set -euo pipefail

CAPABILITIES="CAPABILITY_IAM CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"
FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT

main() {
  local command=${1:-help} stack=${2:-}
  case $command in
    plan | deploy) [ $# -ge 3 ] || usage ;;
    outputs | protect | delete) [ $# -eq 2 ] || usage ;;
    *) usage ;;
  esac
  shift 2
  "$command" "$stack" "$@"
}

usage() {
  sed -n 's/^#   //p' "$0" >&2
  exit 2
}

plan() {
  local answer change_set
  answer=$(run_deploy "$@" --no-execute-changeset)
  change_set=$(grep -o 'arn:[^ ]*:changeSet/[^ ]*' <<<"$answer" || true)
  if [ -z "$change_set" ]; then
    echo "$answer"
    sleep 1 # the AWS CLI names change sets by the second, and one without changes stays
    return
  fi
  aws cloudformation describe-change-set --change-set-name "$change_set" --output table \
    --query 'Changes[].ResourceChange.{Action: Action, Resource: LogicalResourceId, Type: ResourceType}'
  # A stack that is not there yet has been prepared for the change set, and goes with it.
  if [ "$(status "$1")" = REVIEW_IN_PROGRESS ]; then
    aws cloudformation delete-stack --stack-name "$1"
  else
    aws cloudformation delete-change-set --change-set-name "$change_set"
  fi
}

deploy() {
  run_deploy "$@" || {
    failures "$1" >&2
    return 1
  }
  outputs "$1"
}

# The stack, the template, the parameters, and options of `aws cloudformation deploy` at the end.
run_deploy() {
  local stack=$1 template=$2
  local parameters=() options=()
  shift 2
  for argument in "$@"; do
    case $argument in
      --*) options+=("$argument") ;;
      *) parameters+=("$argument") ;;
    esac
  done
  if [ ${#parameters[@]} -gt 0 ]; then options+=(--parameter-overrides "${parameters[@]}"); fi
  if [ -n "${BUCKET:-}" ]; then
    aws cloudformation package --template-file "$template" --s3-bucket "$BUCKET" \
      --output-template-file "$FOLDER/packaged.yaml" >/dev/null
    template=$FOLDER/packaged.yaml
    options+=(--s3-bucket "$BUCKET")
  fi
  # shellcheck disable=SC2086 # lists of words
  aws cloudformation deploy --stack-name "$stack" --template-file "$template" --no-fail-on-empty-changeset \
    --capabilities $CAPABILITIES ${TAGS:+--tags $TAGS} "${options[@]}"
}

status() {
  aws cloudformation describe-stacks --stack-name "$1" --query 'Stacks[0].StackStatus' --output text
}

outputs() {
  aws cloudformation describe-stacks --stack-name "$1" --output text \
    --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]'
}

failures() {
  aws cloudformation describe-stack-events --stack-name "$1" --output text \
    --query 'reverse(StackEvents[?ends_with(ResourceStatus, `_FAILED`)].[LogicalResourceId, ResourceStatusReason])'
}

protect() {
  aws cloudformation update-termination-protection --stack-name "$1" --enable-termination-protection >/dev/null
  echo "$1 cannot be deleted until its protection is switched off."
}

delete() {
  local stack_id now
  # By its id: a name does not tell of a stack that is gone.
  stack_id=$(aws cloudformation describe-stacks --stack-name "$1" --query 'Stacks[0].StackId' --output text)
  aws cloudformation update-termination-protection --stack-name "$1" --no-enable-termination-protection >/dev/null
  aws cloudformation delete-stack --stack-name "$stack_id"
  while now=$(status "$stack_id") && [ "$now" = DELETE_IN_PROGRESS ]; do sleep 5; done
  if [ "$now" != DELETE_COMPLETE ]; then
    failures "$stack_id" >&2
    return 1
  fi
}

main "$@"
