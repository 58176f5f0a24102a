"""Publishing of pages that need no server: one file, a site, a package for an LMS."""
