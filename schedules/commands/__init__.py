"""The commands: what each is called, takes and shows. What is done stands in `schedules.jobs`."""
