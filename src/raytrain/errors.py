"""The errors a person using raytrain can mend."""


class UserError(Exception):
    """Something the user can mend; the command line prints it as one line and exits with status 2."""


class FileMissingError(UserError):
    """A file that was to be read is not there; kept apart so that a caller can read without asking first."""
