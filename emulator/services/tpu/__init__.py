"""Cloud TPU: queued resources and the TPU VMs they lead to."""
