#!/bin/bash
# A custom action, OnNodeStart or OnNodeConfigured, whose own error line is in the reason of the stack that fails.
# Without the line below, ParallelCluster drops what the script prints to its standard error, and nothing that
# it prints is on the console of the instance. See docs/how-to/failed-head-node.md.

# Errors go where output goes, into cfn-init's log. Both are copied to the console, and to the log that
# ParallelCluster prints to the console when the boot fails. Keep this the first command.
exec > >(tee -a /dev/console /var/log/chef-client.log) 2>&1

# Stop at the first command that fails: the last line printed is then its error.
set -euo pipefail

echo "installing the packages that are the arguments of this script: $*"
if command -v dnf > /dev/null; then
    dnf install -y "$@"
else
    apt-get install -y "$@"
fi
