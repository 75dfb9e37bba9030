#!/bin/sh
# What a container does: a word of ours, or any command line.
#
#   worker [--address-file FILE] ...   a compute worker of a run, by hand
#   flow-run                           the flow run that a work pool has started the container for
#   python -m rios_flows.workers ...   what CW_ECS and CW_AWSBATCH ask for
set -e
case "$1" in
worker)
    shift
    exec python -m rios_flows.workers "$@"
    ;;
flow-run)
    shift
    exec prefect flow-run execute "$@"
    ;;
esac
exec "$@"
