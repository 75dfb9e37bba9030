"""The queues of the workers' tests."""

from __future__ import annotations

from tests.workers import conftest as queues

slurm_cluster, emulated_pbs = queues.slurm_cluster, queues.emulated_pbs
slurm_queue, pbs_queue, queue = queues.slurm_queue, queues.pbs_queue, queues.queue
