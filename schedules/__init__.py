"""When and how a run starts: settings, command line, jobs. The one place where the parts are wired."""
