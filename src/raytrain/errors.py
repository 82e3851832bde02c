"""The errors a person using raytrain can mend."""


class UserError(Exception):
    """Something the user can mend; the command line prints it as one line and exits with status 2."""


class FileMissingError(UserError):
    """A file that was to be read is not there; kept apart so that a caller can read without asking first."""


class DamagedError(UserError):
    """A file that is there and can't be read for what is in it."""


class OvertakenError(UserError):
    """Another process has done what this one was to commit."""


def one_line(error: object, limit: int = 300) -> str:
    """The text of an error without line breaks, cut to ``limit`` characters."""
    return " ".join(str(error).split())[:limit]


def user_error_in(error: BaseException) -> UserError | None:
    """The UserError inside what Ray wrapped around it, or None.

    Ray raises an error of a task as one that is both a RayTaskError and a UserError, whose text is the whole
    traceback; the original is its ``cause``, and Ray Data adds advice of its own in lines after the first.
    """
    seen: list[BaseException] = [error]
    for inner in seen:
        causes = [getattr(inner, "cause", None), getattr(inner, "controller_failure", None), inner.__cause__]
        causes += list(getattr(inner, "worker_failures", {}).values())
        if isinstance(inner, UserError) and getattr(inner, "cause", None) is None:
            return type(inner)(str(inner).split("\n", 1)[0])
        seen += [cause for cause in causes if isinstance(cause, BaseException) and cause not in seen]
    return None
