"""Cloud Scheduler: jobs that are really fired at their cron times."""
